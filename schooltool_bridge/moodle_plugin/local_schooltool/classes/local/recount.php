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

namespace local_schooltool\local;

/**
 * Attempts after a course was reset: their numbers begin anew, but on the other side the highest one counts.
 *
 * So they go on from the highest that there was. Nothing is taken back there for a reset.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class recount {
    /** The table: what was counted before, by activity and user. */
    const TABLE = 'local_schooltool_attempt';
    /** @var array[] by activity: table of its attempts, the activity's id in there, the number, which of them */
    const SOURCES = [
        'quiz' => ['quiz_attempts', 'quiz', 'attempt', 'r.preview = 0'],
        // Counted from 0 there.
        'assign' => ['assign_grades', 'assignment', 'attemptnumber + 1', '1 = 1'],
    ];
    /** Rows that are written at once. */
    const AT_ONCE = 1000;

    /** @var array by course: the highest numbers when its reset began, by activity and user */
    private static $before = [];

    /**
     * A course begins to be reset.
     *
     * @param int $courseid
     * @return void
     */
    public static function begins(int $courseid): void {
        self::$before[$courseid] = self::highest($courseid);
    }

    /**
     * A course was reset: whose attempts are gone, they are remembered.
     *
     * @param int $courseid
     * @return void
     */
    public static function ends(int $courseid): void {
        global $DB;
        $before = self::$before[$courseid] ?? [];
        unset(self::$before[$courseid]);
        if (!$before) {
            return;
        }
        $gone = array_diff_key($before, self::highest($courseid));
        foreach (array_chunk($gone, self::AT_ONCE) as $some) {
            $rows = [];
            foreach ($some as $one) {
                $thing = ['module' => $one->module, 'instance' => $one->instance, 'userid' => $one->userid];
                $known = $DB->get_record(self::TABLE, $thing);
                if ($known) {
                    $DB->set_field(self::TABLE, 'counted', $known->counted + $one->number, ['id' => $known->id]);
                } else {
                    $rows[] = (object) ($thing + ['counted' => $one->number]);
                }
            }
            $DB->insert_records(self::TABLE, $rows);
        }
    }

    /**
     * How many attempts there were before those that there are.
     *
     * @param string $module quiz or assign
     * @param int[] $instances
     * @return array by instance, then by user
     */
    public static function of(string $module, array $instances): array {
        global $DB;
        $found = [];
        [$in, $params] = $DB->get_in_or_equal($instances, SQL_PARAMS_NAMED, 'instance');
        $sql = 'SELECT id, instance, userid, counted FROM {' . self::TABLE . "} WHERE module = :module AND instance $in";
        foreach ($DB->get_recordset_sql($sql, $params + ['module' => $module]) as $row) {
            $found[$row->instance][$row->userid] = (int) $row->counted;
        }
        return $found;
    }

    /**
     * A user is to be deleted.
     *
     * @param int $userid
     * @return void
     */
    public static function user_goes(int $userid): void {
        global $DB;
        $DB->delete_records(self::TABLE, ['userid' => $userid]);
    }

    /**
     * An activity is to be deleted.
     *
     * @param string $module
     * @param int $instance
     * @return void
     */
    public static function activity_goes(string $module, int $instance): void {
        global $DB;
        $DB->delete_records(self::TABLE, ['module' => $module, 'instance' => $instance]);
    }

    /**
     * A course is to be deleted.
     *
     * @param int $courseid
     * @return void
     */
    public static function course_goes(int $courseid): void {
        global $DB;
        foreach (array_keys(self::SOURCES) as $module) {
            if ($DB->get_manager()->table_exists($module)) {
                $where = "module = :module AND instance IN (SELECT m.id FROM {{$module}} m WHERE m.course = :courseid)";
                $DB->delete_records_select(self::TABLE, $where, ['module' => $module, 'courseid' => $courseid]);
            }
        }
    }

    /**
     * The highest number of each user in each quiz and assignment of a course.
     *
     * @param int $courseid
     * @return \stdClass[] with module, instance, userid, number
     */
    private static function highest(int $courseid): array {
        global $DB;
        $found = [];
        foreach (self::SOURCES as $module => [$table, $instance, $number, $where]) {
            if (!$DB->get_manager()->table_exists($table)) {
                continue;
            }
            $sql = "SELECT MIN(r.id) AS id, r.$instance AS instance, r.userid, MAX(r.$number) AS number
                      FROM {{$table}} r
                      JOIN {{$module}} m ON m.id = r.$instance
                     WHERE m.course = :courseid AND $where
                  GROUP BY r.$instance, r.userid";
            foreach ($DB->get_recordset_sql($sql, ['courseid' => $courseid]) as $row) {
                $row->module = $module;
                $found["$module/$row->instance/$row->userid"] = $row;
            }
        }
        return $found;
    }
}
