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

namespace local_schooltool\local\read;

use local_schooltool\local\doubles;
use local_schooltool\local\ids;
use local_schooltool\local\scope;
use local_schooltool\local\shape;

/**
 * Courses, as new_section takes them.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class sections extends by_id {
    /**
     * What is told of a course.
     *
     * @param int $courseid
     * @return array|null the struct of new_section; null for what nothing is told of
     */
    public static function one(int $courseid): ?array {
        return static::some([$courseid])[$courseid][0] ?? null;
    }

    /**
     * The id under which a course is told of.
     *
     * @param \stdClass $course with id, idnumber, shortname
     * @return string
     */
    public static function id(\stdClass $course): string {
        return ids::course($course, scope::setting('courseidnumberfallback'), doubles::course($course->id));
    }

    /**
     * The table by whose ids it is read.
     *
     * @return string
     */
    protected static function table(): string {
        return 'course';
    }

    /**
     * Read rows that belong to what is sent.
     *
     * @param string $where
     * @param array $params
     * @param int $limit
     * @return \stdClass[]
     */
    protected static function rows(string $where, array $params, int $limit): array {
        global $DB;
        [$belongs, $more] = scope::course_sql('r');
        $sql = "SELECT r.id, r.idnumber, r.shortname, r.fullname, r.timecreated, r.timemodified,
                       r.startdate, r.enddate
                  FROM {course} r
                 WHERE $where AND $belongs
              ORDER BY r.id";
        return $DB->get_records_sql($sql, $params + $more, 0, $limit);
    }

    /**
     * Make structs of rows.
     *
     * @param \stdClass[] $rows
     * @return array
     */
    protected static function structs(array $rows): array {
        $teachers = self::teachers(array_keys($rows));
        return array_map(function ($course) use ($teachers) {
            $teacher = $teachers[$course->id] ?? null;
            $named = $teacher ? users::id($teacher) : '';
            return [shape\section::struct($course, self::id($course), $named, $teacher->id ?? '')];
        }, $rows);
    }

    /**
     * The one teacher whom new_section can name: who may edit before who may not, then who came first.
     *
     * @param int[] $courseids
     * @return \stdClass[] rows of {user} by course
     */
    private static function teachers(array $courseids): array {
        global $DB;
        if (!$courseids) {
            return [];
        }
        [$in, $params] = $DB->get_in_or_equal($courseids, SQL_PARAMS_NAMED, 'course');
        [$belongs, $more] = scope::user_sql('u');
        $sql = "SELECT ra.id AS assignment, ctx.instanceid, u.id, u.idnumber, u.username, u.email
                  FROM {context} ctx
                  JOIN {role_assignments} ra ON ra.contextid = ctx.id
                  JOIN {role} ro ON ro.id = ra.roleid
                  JOIN {user} u ON u.id = ra.userid
                 WHERE ctx.contextlevel = :level AND ctx.instanceid $in AND $belongs
                       AND ro.archetype IN ('editingteacher', 'teacher')
              ORDER BY CASE WHEN ro.archetype = 'editingteacher' THEN 0 ELSE 1 END, ro.sortorder, ra.id";
        $found = [];
        foreach ($DB->get_recordset_sql($sql, $params + $more + ['level' => CONTEXT_COURSE]) as $row) {
            $found += [$row->instanceid => $row];
        }
        return $found;
    }
}
