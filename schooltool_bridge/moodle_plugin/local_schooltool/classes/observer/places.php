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
use local_schooltool\local\notes;
use local_schooltool\local\outbox;
use local_schooltool\local\scope;
use local_schooltool\local\shape\enrolment;
use local_schooltool\local\watch;

/**
 * Notes who came into a course, left it, or was given another role there or above it.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class places {
    /** @var bool[] students whose role went after their last enrolment did, by course and user */
    private static $left = [];
    /** @var bool[] what was told of a restore that this request does: people, courses */
    private static $restored = [];
    /** @var string[]|null archetypes by the id of the role */
    private static $archetypes = null;

    /**
     * Somebody was enrolled, suspended, or given other dates.
     *
     * @param base $event
     * @return void
     */
    public static function enrolment_changed(base $event): void {
        watch::quietly(function () use ($event) {
            self::restoring((int) $event->relateduserid, (int) $event->courseid);
            outbox::note(notes::ENROLMENT, [(int) $event->relateduserid, (int) $event->courseid]);
        });
    }

    /**
     * An enrolment ended. With the last one the roles went before (role_taken).
     *
     * @param base $event
     * @return void
     */
    public static function enrolment_ended(base $event): void {
        watch::quietly(function () use ($event) {
            $ids = [(int) $event->relateduserid, (int) $event->courseid];
            $key = "$ids[1]/$ids[0]";
            if (isset(watch::$going[$event->courseid])) {
                return;
            }
            if (isset(self::$left[$key])) {
                unset(self::$left[$key]);
                outbox::note(notes::ENROLMENT, $ids, ['ended' => ['role' => 'student']]);
            } else if (empty($event->other['userenrolment']['lastenrol'])) {
                outbox::note(notes::ENROLMENT, $ids);
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
        watch::quietly(function () use ($event) {
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
        watch::quietly(function () use ($event) {
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
        watch::quietly(function () use ($event) {
            self::role($event, ['ended' => ['role' => self::role_of((int) $event->objectid)]]);
        });
    }

    /**
     * A restore makes users and a course without any event, and tells of its end only when all are in: so that
     * nobody's place has to wait there for these, they are noted before it.
     *
     * @param int $userid
     * @param int $courseid
     * @return void
     */
    private static function restoring(int $userid, int $courseid): void {
        if (!class_exists('restore_controller', false)) {
            return;
        }
        foreach ([notes::USER => $userid, notes::SECTION => $courseid] as $kind => $id) {
            if (!isset(self::$restored["$kind/$id"])) {
                self::$restored["$kind/$id"] = true;
                outbox::note($kind, [$id]);
            }
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
        if ($role === '' || ($iscourse && isset(watch::$going[$context->instanceid]))) {
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
        if ($snapshot && $iscourse && $role === 'student' && !watch::is_enrolled($userid, (int) $context->instanceid)) {
            // The last enrolment goes before the roles that were given by hand, and its event comes after
            // them; where none comes, somebody had the role without being enrolled and was not told of.
            self::$left["$context->instanceid/$userid"] = true;
        } else if ($iscourse) {
            self::restoring($userid, (int) $context->instanceid);
            outbox::note(notes::ENROLMENT, [$userid, (int) $context->instanceid], $snapshot);
        } else {
            outbox::note(notes::ROLES, [$userid, (int) $context->id], $snapshot);
        }
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
}
