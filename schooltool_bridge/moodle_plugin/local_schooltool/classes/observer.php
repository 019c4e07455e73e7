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
use local_schooltool\local\history;
use local_schooltool\local\notes;
use local_schooltool\local\outbox;
use local_schooltool\local\rules;
use local_schooltool\local\scope;
use local_schooltool\local\sender;
use local_schooltool\local\settle;
use local_schooltool\local\shape\enrolment;

/**
 * Notes what changed, within Moodle's own transaction. Never sends; nothing of it may fail a page.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class observer {
    /** What known users' suspensions are kept under. */
    const SUSPENDED = 'suspended';

    /** @var bool[] courses that this request is deleting */
    private static $going = [];
    /** @var bool[] courses that this request is resetting */
    private static $resetting = [];
    /** @var bool[] users that this request is deleting */
    private static $leaving = [];
    /** @var string[]|null archetypes by the id of the role */
    private static $archetypes = null;
    /** @var base|null the last event of an item: an observer is called for subclasses as well */
    private static $last = null;

    /**
     * A user was made or changed. The event does not say what changed.
     *
     * @param base $event
     * @return void
     */
    public static function user_changed(base $event): void {
        self::quietly(function () use ($event) {
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
        self::quietly(function () use ($event) {
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
        self::quietly(function () use ($user) {
            self::$leaving[$user->id] = true;
            settle::user((int) $user->id);
        });
    }

    /**
     * A course was made or changed.
     *
     * @param base $event
     * @return void
     */
    public static function course_changed(base $event): void {
        self::quietly(function () use ($event) {
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
        self::quietly(function () use ($event) {
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
        self::quietly(function () use ($event) {
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
        self::quietly(function () use ($course) {
            self::$going[$course->id] = true;
            settle::course((int) $course->id);
        });
    }

    /**
     * A course was deleted: that is all that is said, not what went with it.
     *
     * @param base $event
     * @return void
     */
    public static function course_deleted(base $event): void {
        self::quietly(function () use ($event) {
            unset(self::$going[$event->objectid]);
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
        self::quietly(function () use ($event) {
            global $DB;
            self::$resetting[$event->courseid] = true;
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
        self::quietly(function () use ($event) {
            global $DB;
            unset(self::$resetting[$event->courseid]);
            $open = ['courseid' => $event->courseid, 'timeend' => 0];
            $DB->set_field('local_schooltool_quiet', 'timeend', time(), $open);
        });
    }

    /**
     * Somebody was enrolled, suspended, or given other dates.
     *
     * @param base $event
     * @return void
     */
    public static function enrolment_changed(base $event): void {
        self::quietly(function () use ($event) {
            outbox::note(notes::ENROLMENT, [(int) $event->relateduserid, (int) $event->courseid]);
        });
    }

    /**
     * An enrolment ended. With the last one the roles went before, which was noted (role_taken).
     *
     * @param base $event
     * @return void
     */
    public static function enrolment_ended(base $event): void {
        self::quietly(function () use ($event) {
            if (empty($event->other['userenrolment']['lastenrol']) && !isset(self::$going[$event->courseid])) {
                outbox::note(notes::ENROLMENT, [(int) $event->relateduserid, (int) $event->courseid]);
            }
        });
    }

    /**
     * A way of enrolling was switched off or on, for all who came by it.
     *
     * @param base $event
     * @return void
     */
    public static function instance_changed(base $event): void {
        self::quietly(function () use ($event) {
            outbox::note(notes::INSTANCE, [(int) $event->objectid]);
        });
    }

    /**
     * A role was given, in a course or above.
     *
     * @param base $event
     * @return void
     */
    public static function role_given(base $event): void {
        self::quietly(function () use ($event) {
            self::role($event, null);
        });
    }

    /**
     * A role was taken away, in a course or above.
     *
     * @param base $event
     * @return void
     */
    public static function role_taken(base $event): void {
        self::quietly(function () use ($event) {
            self::role($event, ['ended' => ['role' => self::role_of((int) $event->objectid)]]);
        });
    }

    /**
     * A grade item was made or changed. Where Moodle keeps a history, that is read.
     *
     * @param base $event
     * @return void
     */
    public static function item_changed(base $event): void {
        self::quietly(function () use ($event) {
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
        self::quietly(function () use ($event) {
            if ($event === self::$last || self::is_going($event->courseid)) {
                return;
            }
            self::$last = $event;
            $is = in_array($event->other['itemtype'], rules::ITEMS, true);
            if ($is && scope::has_course(get_course($event->courseid))) {
                $data = ['idnumber' => '#' . $event->objectid, 'timemodified' => time()];
                outbox::note(notes::ASSESSMENT, [(int) $event->objectid], ['events' => [['delete_assessment', $data]]]);
            }
        });
    }

    /**
     * An activity is about to be deleted.
     *
     * @param \stdClass $cm
     * @return void
     */
    public static function activity_goes(\stdClass $cm): void {
        self::quietly(function () use ($cm) {
            global $DB;
            $sql = "SELECT gi.id FROM {grade_items} gi JOIN {modules} m ON m.name = gi.itemmodule
                     WHERE gi.itemtype = 'mod' AND gi.iteminstance = :instance AND m.id = :module AND gi.courseid = :course";
            $params = ['instance' => $cm->instance, 'module' => $cm->module, 'course' => $cm->course];
            settle::items($DB->get_fieldset_sql($sql, $params));
        });
    }

    /**
     * Somebody was graded. Where Moodle keeps a history, that is read.
     *
     * @param base $event
     * @return void
     */
    public static function graded(base $event): void {
        self::quietly(function () use ($event) {
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
        self::quietly(function () use ($event) {
            global $DB;
            $userid = (int) $event->relateduserid;
            $grade = $event->get_grade();
            settle::grade($grade->get_record_data());
            if (history::is_on()) {
                sender::wake();
                return;
            }
            if (self::is_going($event->courseid) || isset(self::$leaving[$userid])) {
                return;
            }
            $enrolled = 'SELECT ue.id FROM {user_enrolments} ue JOIN {enrol} e ON e.id = ue.enrolid
                          WHERE e.courseid = :courseid AND ue.userid = :userid';
            if ($DB->record_exists_sql($enrolled, ['courseid' => $event->courseid, 'userid' => $userid])) {
                $note = history::taken_back((int) $event->other['itemid'], $userid, time());
                if ($note) {
                    outbox::note($note[0], [$note[1], $note[2]], $note[3]);
                }
            }
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
            sender::wake();
        }
    }

    /**
     * Note that a role was given or taken.
     *
     * @param base $event
     * @param array|null $snapshot
     * @return void
     */
    private static function role(base $event, ?array $snapshot): void {
        global $DB;
        $role = self::role_of((int) $event->objectid);
        $userid = (int) $event->relateduserid;
        $context = $event->get_context();
        $iscourse = $context->contextlevel == CONTEXT_COURSE;
        if ($role === '' || ($iscourse && isset(self::$going[$context->instanceid]))) {
            return;
        }
        $isabove = in_array($context->contextlevel, [CONTEXT_SYSTEM, CONTEXT_COURSECAT]) && $role === 'teacher';
        if (!$iscourse && !$isabove) {
            return;
        }
        if ($snapshot) {
            // Of whom or what was never told, no end is told.
            $user = $DB->get_record('user', ['id' => $userid]);
            if (!$user || !scope::has_user($user) || ($iscourse && !scope::has_course(get_course($context->instanceid)))) {
                return;
            }
        }
        if ($iscourse) {
            outbox::note(notes::ENROLMENT, [$userid, (int) $context->instanceid], $snapshot);
        } else {
            outbox::note(notes::ROLES, [$userid, (int) $context->id], $snapshot);
        }
    }

    /**
     * Tell whether what goes from a course goes with it, or by its reset.
     *
     * @param int|string $courseid
     * @return bool
     */
    private static function is_going($courseid): bool {
        return isset(self::$going[$courseid]) || isset(self::$resetting[$courseid]);
    }

    /**
     * What a role is on the other side.
     *
     * @param int $roleid
     * @return string student, teacher or empty
     */
    private static function role_of(int $roleid): string {
        global $DB;
        if (!isset(self::$archetypes[$roleid])) {
            self::$archetypes = $DB->get_records_menu('role', null, '', 'id, archetype');
        }
        return enrolment::ROLES[self::$archetypes[$roleid] ?? ''] ?? '';
    }

    /**
     * Do something of which nothing may reach the page; nothing at all before anything is connected.
     *
     * @param callable $what
     * @return void
     */
    private static function quietly(callable $what): void {
        try {
            // Files that were unzipped, but not installed yet, have no tables.
            if (get_config('local_schooltool', 'version') && outbox::peers()) {
                $what();
            }
        } catch (\Throwable $e) {
            outbox::complain($e);
        }
    }
}
