<?php
// This file is part of Moodle - https://moodle.org/
//
// Moodle is free software: you can redistribute it and/or modify
// it under the terms of the GNU General Public License as published by
// the Free Software Foundation, either version 3 of the License, or
// (at your option) any later version.
//
// Moodle is distributed in the hope that it will be useful,
// but WITHOUT ANY WARRANTY; without even the implied warranty of
// MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
// GNU General Public License for more details.
//
// You should have received a copy of the GNU General Public License
// along with Moodle.  If not, see <https://www.gnu.org/licenses/>.

namespace local_schooltool\observer;

use core\event\base;
use local_schooltool\local\doubles;
use local_schooltool\local\history;
use local_schooltool\local\notes;
use local_schooltool\local\outbox;
use local_schooltool\local\read\noticed;
use local_schooltool\local\recount;
use local_schooltool\local\rules;
use local_schooltool\local\scope;
use local_schooltool\local\sender;
use local_schooltool\local\settle;
use local_schooltool\local\watch;

/**
 * Notes what changed in the gradebook, where Moodle's history of it does not say so.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class gradebook {
    /** @var base|null the last event of an item: an observer is called for subclasses as well */
    private static $last = null;

    /**
     * A grade item was made or changed. Where Moodle keeps a history, that is read.
     *
     * @param base $event
     * @return void
     */
    public static function item_changed(base $event): void {
        watch::quietly(function () use ($event) {
            if ($event === self::$last || $event->eventname === '\\core\\event\\grade_item_deleted') {
                return;
            }
            self::$last = $event;
            if (history::is_on()) {
                sender::wake();
            } else if (in_array($event->other['itemtype'], rules::ITEMS, true)) {
                outbox::note(notes::ASSESSMENT, [(int) $event->objectid]);
            }
        });
    }

    /**
     * A grade item was deleted; not with its course, which is told as one, nor by a reset.
     *
     * @param base $event
     * @return void
     */
    public static function item_deleted(base $event): void {
        watch::quietly(function () use ($event) {
            if ($event === self::$last || watch::is_going($event->courseid)) {
                return;
            }
            self::$last = $event;
            $is = in_array($event->other['itemtype'], rules::ITEMS, true);
            if ($is) {
                $item = $event->get_grade_item()->get_record_data();
                doubles::item_goes($item);
                settle::item($item);
                self::went_with_it((int) $event->objectid);
            }
            if ($is && scope::has_course(get_course($event->courseid))) {
                $data = ['idnumber' => '#' . $event->objectid, 'timemodified' => time()];
                outbox::note(notes::ASSESSMENT, [(int) $event->objectid], ['events' => [['delete_assessment', $data]]]);
            }
        });
    }

    /**
     * Where Moodle keeps no history, nothing tells beforehand that grades go since their item does.
     *
     * @param int $itemid
     * @return void
     */
    private static function went_with_it(int $itemid): void {
        global $DB;
        if (!history::is_on()) {
            $where = "kind = :kind AND objectid = :itemid AND snapshot LIKE '%\"delete_grade\"%'";
            $DB->delete_records_select(outbox::TABLE, $where, ['kind' => notes::GRADE, 'itemid' => $itemid]);
        }
    }

    /**
     * An activity is about to be deleted.
     *
     * @param \stdClass $cm
     * @return void
     */
    public static function activity_goes(\stdClass $cm): void {
        watch::quietly(function () use ($cm) {
            global $DB;
            $sql = "SELECT gi.id FROM {grade_items} gi JOIN {modules} m ON m.name = gi.itemmodule
                     WHERE gi.itemtype = 'mod' AND gi.iteminstance = :instance AND m.id = :module AND gi.courseid = :course";
            $params = ['instance' => $cm->instance, 'module' => $cm->module, 'course' => $cm->course];
            settle::items($DB->get_fieldset_sql($sql, $params));
            recount::activity_goes((string) $DB->get_field('modules', 'name', ['id' => $cm->module]), (int) $cm->instance);
        });
    }

    /**
     * Somebody was graded. Where Moodle keeps a history, that is read.
     *
     * @param base $event
     * @return void
     */
    public static function graded(base $event): void {
        watch::quietly(function () use ($event) {
            if (history::is_on()) {
                sender::wake();
            } else {
                outbox::note(notes::GRADE, [(int) $event->other['itemid'], (int) $event->relateduserid]);
            }
        });
    }

    /**
     * A grade's row was deleted: what waits of it is kept, and where Moodle keeps no history, see why it went.
     *
     * @param base $event
     * @return void
     */
    public static function grade_deleted(base $event): void {
        watch::quietly(function () use ($event) {
            $userid = (int) $event->relateduserid;
            $grade = $event->get_grade();
            settle::grade($grade->get_record_data());
            noticed::forget((int) $event->objectid);
            if (history::is_on()) {
                sender::wake();
                return;
            }
            if (watch::is_going($event->courseid) || isset(watch::$leaving[$userid])) {
                return;
            }
            $had = $grade->finalgrade !== null || $grade->excluded;
            if ($had && watch::is_enrolled($userid, (int) $event->courseid)) {
                $note = history::taken_back((int) $event->other['itemid'], $userid, time());
                if ($note) {
                    outbox::note($note[0], [$note[1], $note[2]], $note[3]);
                }
            }
        });
    }
}
