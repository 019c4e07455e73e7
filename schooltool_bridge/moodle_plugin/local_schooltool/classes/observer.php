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

namespace local_schooltool;

use core\event\base;
use local_schooltool\local\doubles;
use local_schooltool\local\history;
use local_schooltool\local\notes;
use local_schooltool\local\outbox;
use local_schooltool\local\recount;
use local_schooltool\local\scope;
use local_schooltool\local\sender;
use local_schooltool\local\settle;
use local_schooltool\local\watch;

/**
 * Notes what changed of users and courses, within Moodle's own transaction.
 *
 * Observers never send; the others are in observer/.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class observer {
    /** What known users' suspensions are kept under. */
    const SUSPENDED = 'suspended';

    /**
     * A user was made or changed. The event does not say what changed.
     *
     * @param base $event
     * @return void
     */
    public static function user_changed(base $event): void {
        watch::quietly(function () use ($event) {
            global $DB;
            $userid = (int) $event->objectid;
            outbox::note(notes::USER, [$userid]);
            $known = ['source' => self::SUSPENDED, 'rowid' => $userid];
            $was = $DB->record_exists('local_schooltool_known', $known);
            $is = (bool) $DB->get_field('user', 'suspended', ['id' => $userid]);
            if ($was === $is) {
                return;
            }
            if ($is) {
                $DB->insert_record('local_schooltool_known', (object) ($known + ['timetaken' => time()]), false);
            } else {
                $DB->delete_records('local_schooltool_known', $known);
            }
            outbox::note(notes::PLACES, [$userid]);
        });
    }

    /**
     * Somebody signed on. Whoever does for the first time may have been made or confirmed without an event.
     *
     * @param base $event
     * @return void
     */
    public static function user_came(base $event): void {
        watch::quietly(function () use ($event) {
            global $USER;
            if ($USER->id == $event->objectid && empty($USER->lastlogin)) {
                outbox::note(notes::USER, [(int) $event->objectid]);
            }
        });
    }

    /**
     * A user is about to be deleted.
     *
     * @param \stdClass $user
     * @return void
     */
    public static function user_goes(\stdClass $user): void {
        watch::quietly(function () use ($user) {
            global $DB;
            watch::$leaving[$user->id] = true;
            doubles::user_goes($user);
            settle::user((int) $user->id);
            recount::user_goes((int) $user->id);
            $DB->delete_records('local_schooltool_known', ['source' => self::SUSPENDED, 'rowid' => $user->id]);
        });
    }

    /**
     * A course was made or changed.
     *
     * @param base $event
     * @return void
     */
    public static function course_changed(base $event): void {
        watch::quietly(function () use ($event) {
            // What comes into a chosen category was never told of.
            $ismoved = scope::setting('categories') !== '' && isset($event->other['updatedfields']['category']);
            outbox::note($ismoved ? notes::COURSE : notes::SECTION, [(int) $event->courseid]);
        });
    }

    /**
     * A course was restored or copied, whole or in part: that fires next to nothing else.
     *
     * @param base $event
     * @return void
     */
    public static function course_restored(base $event): void {
        watch::quietly(function () use ($event) {
            outbox::note(notes::COURSE, [(int) $event->objectid]);
        });
    }

    /**
     * A category was moved or changed: its courses may be told of only from now on.
     *
     * @param base $event
     * @return void
     */
    public static function category_changed(base $event): void {
        watch::quietly(function () use ($event) {
            if (scope::setting('categories') !== '') {
                outbox::note(notes::CATEGORY, [(int) $event->objectid]);
            }
        });
    }

    /**
     * A course is about to be deleted.
     *
     * @param \stdClass $course
     * @return void
     */
    public static function course_goes(\stdClass $course): void {
        watch::quietly(function () use ($course) {
            watch::$going[$course->id] = true;
            doubles::course_goes((int) $course->id);
            settle::course((int) $course->id);
            recount::course_goes((int) $course->id);
        });
    }

    /**
     * A course was deleted: that is all that is said, not what went with it.
     *
     * @param base $event
     * @return void
     */
    public static function course_deleted(base $event): void {
        watch::quietly(function () use ($event) {
            unset(watch::$going[$event->objectid]);
            $course = $event->get_record_snapshot('course', $event->objectid);
            if (scope::has_course($course)) {
                $data = ['idnumber' => '#' . $course->id, 'timemodified' => time()];
                outbox::note(notes::SECTION, [(int) $course->id], ['events' => [['delete_section', $data]]]);
            }
        });
    }

    /**
     * A course begins to be reset.
     *
     * @param base $event
     * @return void
     */
    public static function reset_started(base $event): void {
        watch::quietly(function () use ($event) {
            global $DB;
            watch::$resetting[$event->courseid] = true;
            recount::begins((int) $event->courseid);
            settle::course((int) $event->courseid);
            $params = ['before' => time() - history::RESET_KEPT_S];
            $DB->delete_records_select('local_schooltool_quiet', 'timestart < :before', $params);
            $row = (object) ['courseid' => $event->courseid, 'timestart' => time(), 'timeend' => 0];
            $DB->insert_record('local_schooltool_quiet', $row, false);
        });
    }

    /**
     * A course was reset.
     *
     * @param base $event
     * @return void
     */
    public static function reset_ended(base $event): void {
        watch::quietly(function () use ($event) {
            global $DB;
            unset(watch::$resetting[$event->courseid]);
            recount::ends((int) $event->courseid);
            $open = ['courseid' => $event->courseid, 'timeend' => 0];
            $DB->set_field('local_schooltool_quiet', 'timeend', time(), $open);
        });
    }

    /**
     * A page begins. In the gradebook much happens without any event (excusing, hiding), so look after it.
     *
     * @return void
     */
    public static function page_begins(): void {
        global $SCRIPT;
        if (CLI_SCRIPT || empty($SCRIPT)) {
            return;
        }
        $does = ($_SERVER['REQUEST_METHOD'] ?? '') === 'POST' || isset($_GET['sesskey']);
        if ($does && (strpos($SCRIPT, '/grade/') === 0 || strpos($SCRIPT, '/lib/ajax/') === 0)) {
            watch::quietly([sender::class, 'wake']);
        }
    }
}
