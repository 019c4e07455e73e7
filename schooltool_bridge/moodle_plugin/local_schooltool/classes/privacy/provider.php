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
use local_schooltool\local\doubles;
use local_schooltool\local\notes;
use local_schooltool\local\outbox;
use local_schooltool\observer;

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
    /** @var array[] The tables with people in them, and what their columns are called. */
    const TABLES = [
        'local_schooltool_outbox' => [
            'kind' => 'privacy:metadata:outbox:kind',
            'objectid' => 'privacy:metadata:outbox:objectid',
            'relatedid' => 'privacy:metadata:outbox:relatedid',
            'timecreated' => 'privacy:metadata:outbox:timecreated',
            'snapshot' => 'privacy:metadata:outbox:snapshot',
        ],
        'local_schooltool_refused' => [
            'kind' => 'privacy:metadata:outbox:kind',
            'objectid' => 'privacy:metadata:outbox:objectid',
            'relatedid' => 'privacy:metadata:outbox:relatedid',
            'timecreated' => 'privacy:metadata:outbox:timecreated',
            'event' => 'privacy:metadata:refused:event',
            'code' => 'privacy:metadata:refused:code',
            'reason' => 'privacy:metadata:refused:reason',
        ],
        'local_schooltool_known' => [
            'source' => 'privacy:metadata:known:source',
            'rowid' => 'privacy:metadata:known:rowid',
            'timetaken' => 'privacy:metadata:known:timetaken',
        ],
        'local_schooltool_attempt' => [
            'module' => 'privacy:metadata:attempt:module',
            'instance' => 'privacy:metadata:attempt:instance',
            'userid' => 'privacy:metadata:attempt:userid',
            'counted' => 'privacy:metadata:attempt:counted',
        ],
    ];
    /** @var string[] What these tables are called. */
    const TITLES = [
        'local_schooltool_outbox' => 'privacy:metadata:outbox',
        'local_schooltool_refused' => 'privacy:metadata:refused',
        'local_schooltool_known' => 'privacy:metadata:known',
        'local_schooltool_attempt' => 'privacy:metadata:attempt',
    ];
    /** @var string[] The columns that are times. */
    const TIMES = ['timecreated', 'timetaken'];
    /** @var string Kinds of notes that name a user first; those of grades do after the item. */
    const USER_FIRST = "kind IN ('user', 'enrolment', 'places', 'roles')";
    /** @var string Rows of local_schooltool_known that are about users; the others are about the gradebook. */
    const KNOWN_USERS = "source IN ('" . observer::SUSPENDED . "', '" . doubles::USER . "')";
    /** @var string Rows of it that say since when somebody's grade is hidden or excused. */
    const KNOWN_GRADES = "source LIKE 'noticed/%'";
    /** @var string[] What a course that is gone kept of its teacher. */
    const TEACHER = ['teacheridnumber', 'teachermoodleid'];

    /**
     * What is kept, and what goes where.
     *
     * @param collection $collection
     * @return collection
     */
    public static function get_metadata(collection $collection): collection {
        foreach (self::TABLES as $table => $columns) {
            $collection->add_database_table($table, $columns, self::TITLES[$table]);
        }
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
        $list = new contextlist();
        foreach (array_keys(self::TABLES) as $table) {
            if (self::rows($table, $userid)) {
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
        foreach (['local_schooltool_outbox', 'local_schooltool_refused'] as $table) {
            $userlist->add_from_sql('objectid', "SELECT objectid FROM {{$table}} WHERE " . self::USER_FIRST, []);
            $userlist->add_from_sql('relatedid', "SELECT relatedid FROM {{$table}} WHERE kind = 'grade'", []);
        }
        $userlist->add_from_sql('rowid', 'SELECT rowid FROM {local_schooltool_known} WHERE ' . self::KNOWN_USERS, []);
        $sql = 'SELECT g.userid FROM {grade_grades} g JOIN {local_schooltool_known} k ON k.rowid = g.id WHERE k.' . self::KNOWN_GRADES;
        $userlist->add_from_sql('userid', $sql, []);
        $userlist->add_from_sql('userid', 'SELECT userid FROM {local_schooltool_attempt}', []);
        $teachers = [];
        foreach (self::taught() as $row) {
            foreach (self::events($row) as $event) {
                $teachers[] = (int) ($event[1]['teachermoodleid'] ?? 0);
            }
        }
        $userlist->add_users(array_values(array_unique(array_filter($teachers))));
    }

    /**
     * Hands out what is kept of somebody.
     *
     * @param approved_contextlist $contextlist
     */
    public static function export_user_data(approved_contextlist $contextlist) {
        foreach ($contextlist->get_contexts() as $context) {
            if (!$context instanceof \context_system) {
                continue;
            }
            foreach (self::TABLES as $table => $columns) {
                $rows = [];
                foreach (self::rows($table, (int) $contextlist->get_user()->id) as $row) {
                    $shown = [];
                    foreach (array_keys($columns) as $column) {
                        $istime = in_array($column, self::TIMES, true);
                        $shown[$column] = $istime ? transform::datetime($row->$column) : (string) $row->$column;
                    }
                    $rows[] = $shown;
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
            foreach (['local_schooltool_outbox', 'local_schooltool_refused'] as $table) {
                $DB->delete_records_select($table, self::USER_FIRST . " OR kind = 'grade'");
            }
            $DB->delete_records_select('local_schooltool_known', self::KNOWN_USERS . ' OR ' . self::KNOWN_GRADES);
            $DB->delete_records('local_schooltool_attempt');
            array_map([self::class, 'without_teacher'], self::taught());
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
                self::delete_of((int) $contextlist->get_user()->id);
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
                self::delete_of((int) $userid);
            }
        }
    }

    /**
     * Deletes what is kept of one user; of a course that they taught only that.
     *
     * @param int $userid
     */
    private static function delete_of(int $userid) {
        global $DB;
        foreach (array_keys(self::TABLES) as $table) {
            foreach (self::rows($table, $userid) as $row) {
                if (($row->kind ?? '') === notes::SECTION) {
                    self::without_teacher($row);
                } else {
                    $DB->delete_records($table, ['id' => $row->id]);
                }
            }
        }
    }

    /**
     * The rows of a table that are about a user.
     *
     * @param string $table
     * @param int $userid
     * @return \stdClass[]
     */
    private static function rows(string $table, int $userid): array {
        global $DB;
        switch ($table) {
            case 'local_schooltool_known':
                $where = '(' . self::KNOWN_USERS . ' AND rowid = :userid) OR (' . self::KNOWN_GRADES . '
                    AND rowid IN (SELECT g.id FROM {grade_grades} g WHERE g.userid = :graded))';
                return $DB->get_records_select($table, $where, ['userid' => $userid, 'graded' => $userid], 'id');
            case 'local_schooltool_attempt':
                return $DB->get_records($table, ['userid' => $userid], 'id');
            default:
                $where = '(' . self::USER_FIRST . " AND objectid = :first) OR (kind = 'grade' AND relatedid = :second)";
                $rows = $DB->get_records_select($table, $where, ['first' => $userid, 'second' => $userid], 'id');
                return $table === 'local_schooltool_outbox' ? $rows + self::taught($userid) : $rows;
        }
    }

    /**
     * What waits of courses that are gone, with who taught them.
     *
     * @param int|null $userid null for whoever it was
     * @return \stdClass[]
     */
    private static function taught(?int $userid = null): array {
        global $DB;
        $said = $userid === null ? '%"teachermoodleid":%' : '%"teachermoodleid":"' . $userid . '"%';
        $where = 'kind = :kind AND ' . $DB->sql_like('snapshot', ':said');
        $params = ['kind' => notes::SECTION, 'said' => $said];
        return $DB->get_records_select(outbox::TABLE, $where, $params, 'id');
    }

    /**
     * The events that a note kept.
     *
     * @param \stdClass $row
     * @return array[]
     */
    private static function events(\stdClass $row): array {
        return notes::snapshot($row)['events'] ?? [];
    }

    /**
     * Let a note of a course say nothing of its teacher.
     *
     * @param \stdClass $row
     */
    private static function without_teacher(\stdClass $row) {
        global $DB;
        $events = array_map(function ($event) {
            return [$event[0], array_diff_key($event[1], array_flip(self::TEACHER))];
        }, self::events($row));
        $kept = json_encode(['events' => $events], JSON_UNESCAPED_UNICODE);
        $DB->set_field(outbox::TABLE, 'snapshot', $kept, ['id' => $row->id]);
    }
}
