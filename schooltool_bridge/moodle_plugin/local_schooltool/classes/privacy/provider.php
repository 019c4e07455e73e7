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

namespace local_schooltool\privacy;

use core_privacy\local\metadata\collection;
use core_privacy\local\request\approved_contextlist;
use core_privacy\local\request\approved_userlist;
use core_privacy\local\request\contextlist;
use core_privacy\local\request\transform;
use core_privacy\local\request\userlist;
use core_privacy\local\request\writer;

/**
 * What is kept of people here, until it is sent, and what goes to SchoolTool.
 *
 * What was sent stands there: SchoolTool has its own page for requests about a person's data.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class provider implements
    \core_privacy\local\metadata\provider,
    \core_privacy\local\request\core_userlist_provider,
    \core_privacy\local\request\plugin\provider {
    /** @var string[] The tables with people in them. */
    const TABLES = ['local_schooltool_outbox', 'local_schooltool_refused'];
    /** @var string Which rows are about a user: notes name the user first, but those of grades after the item. */
    const ABOUT = "((kind IN ('user', 'enrolment', 'places', 'roles') AND objectid = :first)
        OR (kind = 'grade' AND relatedid = :second))";

    /**
     * What is kept, and what goes where.
     *
     * @param collection $collection
     * @return collection
     */
    public static function get_metadata(collection $collection): collection {
        $columns = [
            'kind' => 'privacy:metadata:outbox:kind',
            'objectid' => 'privacy:metadata:outbox:objectid',
            'relatedid' => 'privacy:metadata:outbox:relatedid',
            'timecreated' => 'privacy:metadata:outbox:timecreated',
        ];
        $collection->add_database_table(
            'local_schooltool_outbox',
            $columns + ['snapshot' => 'privacy:metadata:outbox:snapshot'],
            'privacy:metadata:outbox'
        );
        $collection->add_database_table(
            'local_schooltool_refused',
            $columns + ['reason' => 'privacy:metadata:refused:reason'],
            'privacy:metadata:refused'
        );
        $collection->add_external_location_link('schooltool', [
            'account' => 'privacy:metadata:schooltool:account',
            'enrolments' => 'privacy:metadata:schooltool:enrolments',
            'grades' => 'privacy:metadata:schooltool:grades',
        ], 'privacy:metadata:schooltool');
        return $collection;
    }

    /**
     * All of it stands in the system's context.
     *
     * @param int $userid
     * @return contextlist
     */
    public static function get_contexts_for_userid(int $userid): contextlist {
        global $DB;
        $list = new contextlist();
        foreach (self::TABLES as $table) {
            if ($DB->record_exists_select($table, self::ABOUT, self::of($userid))) {
                $list->add_system_context();
                break;
            }
        }
        return $list;
    }

    /**
     * Who is in it.
     *
     * @param userlist $userlist
     */
    public static function get_users_in_context(userlist $userlist) {
        if (!$userlist->get_context() instanceof \context_system) {
            return;
        }
        foreach (self::TABLES as $table) {
            $userlist->add_from_sql(
                'objectid',
                "SELECT objectid FROM {{$table}} WHERE kind IN ('user', 'enrolment', 'places', 'roles')",
                []
            );
            $userlist->add_from_sql('relatedid', "SELECT relatedid FROM {{$table}} WHERE kind = 'grade'", []);
        }
    }

    /**
     * Hands out what is kept of somebody.
     *
     * @param approved_contextlist $contextlist
     */
    public static function export_user_data(approved_contextlist $contextlist) {
        global $DB;
        foreach ($contextlist->get_contexts() as $context) {
            if (!$context instanceof \context_system) {
                continue;
            }
            foreach (self::TABLES as $table) {
                $rows = [];
                foreach ($DB->get_records_select($table, self::ABOUT, self::of($contextlist->get_user()->id), 'id') as $row) {
                    $rows[] = [
                        'kind' => $row->kind,
                        'objectid' => $row->objectid,
                        'relatedid' => $row->relatedid,
                        'timecreated' => transform::datetime($row->timecreated),
                        'snapshot' => isset($row->snapshot) ? $row->snapshot : '',
                        'reason' => isset($row->reason) ? $row->reason : '',
                    ];
                }
                if ($rows) {
                    $path = [get_string('privacy:path', 'local_schooltool'), $table];
                    writer::with_context($context)->export_data($path, (object) ['rows' => $rows]);
                }
            }
        }
    }

    /**
     * Deletes all of it.
     *
     * @param \context $context
     */
    public static function delete_data_for_all_users_in_context(\context $context) {
        global $DB;
        if ($context instanceof \context_system) {
            foreach (self::TABLES as $table) {
                $DB->delete_records_select($table, "kind IN ('user', 'enrolment', 'places', 'roles', 'grade')");
            }
        }
    }

    /**
     * Deletes what is kept of somebody.
     *
     * @param approved_contextlist $contextlist
     */
    public static function delete_data_for_user(approved_contextlist $contextlist) {
        foreach ($contextlist->get_contexts() as $context) {
            if ($context instanceof \context_system) {
                self::delete_of($contextlist->get_user()->id);
            }
        }
    }

    /**
     * Deletes what is kept of several.
     *
     * @param approved_userlist $userlist
     */
    public static function delete_data_for_users(approved_userlist $userlist) {
        if ($userlist->get_context() instanceof \context_system) {
            foreach ($userlist->get_userids() as $userid) {
                self::delete_of($userid);
            }
        }
    }

    /**
     * Deletes what is kept of one user.
     *
     * @param int $userid
     */
    private static function delete_of(int $userid) {
        global $DB;
        foreach (self::TABLES as $table) {
            $DB->delete_records_select($table, self::ABOUT, self::of($userid));
        }
    }

    /**
     * The parameters of ABOUT.
     *
     * @param int $userid
     * @return array
     */
    private static function of(int $userid): array {
        return ['first' => $userid, 'second' => $userid];
    }
}
