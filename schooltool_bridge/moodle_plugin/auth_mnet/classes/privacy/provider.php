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

namespace auth_mnet\privacy;

use context;
use context_user;
use core_privacy\local\metadata\collection;
use core_privacy\local\request\approved_contextlist;
use core_privacy\local\request\approved_userlist;
use core_privacy\local\request\contextlist;
use core_privacy\local\request\transform;
use core_privacy\local\request\userlist;
use core_privacy\local\request\writer;

/**
 * What is kept of people's visits, and what other sites are told of them.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class provider implements
    \core_privacy\local\metadata\provider,
    \core_privacy\local\request\core_userlist_provider,
    \core_privacy\local\request\plugin\provider {
    /**
     * What is kept and told.
     *
     * @param collection $collection to add to
     * @return collection
     */
    public static function get_metadata(collection $collection): collection {
        $row = [
            'userid', 'username', 'token', 'mnethostid', 'useragent', 'confirm_timeout', 'session_id', 'expires',
        ];
        $fields = [];
        foreach ($row as $name) {
            $fields[$name] = 'privacy:metadata:mnet_session:' . $name;
        }
        $collection->add_database_table('mnet_session', $fields, 'privacy:metadata:mnet_session');
        $told = [];
        foreach (['username', 'profile', 'picture', 'useragent', 'courses'] as $name) {
            $told[$name] = 'privacy:metadata:sites:' . $name;
        }
        $collection->add_external_location_link('sites', $told, 'privacy:metadata:sites');
        return $collection;
    }

    /**
     * Where something of somebody is kept.
     *
     * @param int $userid
     * @return contextlist
     */
    public static function get_contexts_for_userid(int $userid): contextlist {
        $list = new contextlist();
        $sql = "SELECT ctx.id
                  FROM {mnet_session} s
                  JOIN {context} ctx ON ctx.instanceid = s.userid AND ctx.contextlevel = :level
                 WHERE s.userid = :userid";
        $list->add_from_sql($sql, ['level' => CONTEXT_USER, 'userid' => $userid]);
        return $list;
    }

    /**
     * Of whom something is kept in a place.
     *
     * @param userlist $userlist to add to
     */
    public static function get_users_in_context(userlist $userlist) {
        $context = $userlist->get_context();
        if ($context instanceof context_user) {
            $sql = 'SELECT userid FROM {mnet_session} WHERE userid = :userid';
            $userlist->add_from_sql('userid', $sql, ['userid' => $context->instanceid]);
        }
    }

    /**
     * Give out what is kept of somebody.
     *
     * @param approved_contextlist $contextlist
     */
    public static function export_user_data(approved_contextlist $contextlist) {
        global $DB;
        foreach (self::mine($contextlist) as $context) {
            $sql = "SELECT s.id, s.username, s.expires, h.name, h.wwwroot
                      FROM {mnet_session} s
                 LEFT JOIN {mnet_host} h ON h.id = s.mnethostid
                     WHERE s.userid = :userid
                  ORDER BY s.id";
            $visits = [];
            foreach ($DB->get_records_sql($sql, ['userid' => $context->instanceid]) as $row) {
                $visits[] = [
                    'site' => $row->name,
                    'wwwroot' => $row->wwwroot,
                    'username' => $row->username,
                    'expires' => transform::datetime($row->expires),
                ];
            }
            $place = [get_string('pluginname', 'auth_mnet')];
            writer::with_context($context)->export_data($place, (object) ['visits' => $visits]);
        }
    }

    /**
     * Forget everybody in a place.
     *
     * @param context $context
     */
    public static function delete_data_for_all_users_in_context(context $context) {
        if ($context instanceof context_user) {
            self::forget($context->instanceid);
        }
    }

    /**
     * Forget somebody.
     *
     * @param approved_contextlist $contextlist
     */
    public static function delete_data_for_user(approved_contextlist $contextlist) {
        foreach (self::mine($contextlist) as $context) {
            self::forget($context->instanceid);
        }
    }

    /**
     * Forget several people in a place.
     *
     * @param approved_userlist $userlist
     */
    public static function delete_data_for_users(approved_userlist $userlist) {
        $context = $userlist->get_context();
        if ($context instanceof context_user && in_array($context->instanceid, $userlist->get_userids())) {
            self::forget($context->instanceid);
        }
    }

    /**
     * Somebody's own places in a list.
     *
     * @param approved_contextlist $contextlist
     * @return context_user[]
     */
    private static function mine(approved_contextlist $contextlist) {
        $userid = $contextlist->get_user()->id;
        return array_filter($contextlist->get_contexts(), function ($context) use ($userid) {
            return $context instanceof context_user && $context->instanceid == $userid;
        });
    }

    /**
     * Forget somebody's visits.
     *
     * @param int $userid
     */
    private static function forget($userid) {
        global $DB;
        $DB->delete_records('mnet_session', ['userid' => $userid]);
    }
}
