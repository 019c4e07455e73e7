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

use local_schooltool\local\scope;
use local_schooltool\local\shape;

/**
 * Grades, as new_grade takes them.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class grades extends by_id {
    /**
     * What is told of a grade.
     *
     * @param int $userid
     * @param int $itemid
     * @return array[] structs of new_grade, one for each attempt
     */
    public static function one(int $userid, int $itemid): array {
        return static::some([[$itemid, $userid]])["$itemid/$userid"] ?? [];
    }

    /**
     * What is told of some grades.
     *
     * @param array[] $pairs each itemid, userid
     * @return array by "itemid/userid": a list of structs; without those of which nothing is told
     */
    public static function some(array $pairs): array {
        global $DB;
        $users = [];
        foreach ($pairs as [$itemid, $userid]) {
            $users[$itemid][] = $userid;
        }
        $either = $params = [];
        foreach ($users as $itemid => $userids) {
            [$in, $more] = $DB->get_in_or_equal($userids, SQL_PARAMS_NAMED, 'some');
            $name = 'item' . count($either);
            $either[] = "(r.itemid = :$name AND r.userid $in)";
            $params += [$name => $itemid] + $more;
        }
        $rows = static::rows('(' . implode(' OR ', $either) . ')', $params, count($pairs));
        $found = [];
        foreach (static::structs($rows) as $id => $structs) {
            $found["{$rows[$id]->itemid}/{$rows[$id]->userid}"] = $structs;
        }
        return $found;
    }

    /**
     * What is told of a grade whose row was just deleted.
     *
     * @param \stdClass $grade what the row was
     * @return array[] structs of new_grade, one for each attempt
     */
    public static function last(\stdClass $grade): array {
        global $DB;
        [$belongs, $more] = scope::course_sql('c');
        [$isours, $still] = scope::user_sql('u');
        $sql = "SELECT gi.id AS itemid, gi.idnumber AS itemidnumber, gi.itemmodule, gi.iteminstance, gi.itemnumber,
                       gi.gradetype, gi.grademin, gi.grademax, gi.multfactor, gi.plusfactor,
                       u.id AS userid, u.idnumber, u.username, u.email
                  FROM {grade_items} gi
                  JOIN {course} c ON c.id = gi.courseid
                  JOIN {user} u ON u.id = :user
                 WHERE gi.id = :item AND $belongs AND $isours AND " . assessments::points_sql('gi');
        $params = ['user' => $grade->userid, 'item' => $grade->itemid] + $more + $still;
        $about = $DB->get_record_sql($sql, $params);
        if (!$about) {
            return [];
        }
        $row = (object) ((array) $about + (array) $grade);
        return current(static::structs([$grade->id => $row])) ?: [];
    }

    /**
     * The table by whose ids it is read.
     *
     * @return string
     */
    protected static function table(): string {
        return 'grade_grades';
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
        [$belongs, $more] = scope::course_sql('c');
        [$isours, $still] = scope::user_sql('u');
        // Rows that never had a grade are most of them; shape\grade leaves out the same.
        $sql = "SELECT r.id, r.itemid, r.userid, r.finalgrade, r.excluded, r.hidden, r.overridden, r.timemodified,
                       gi.idnumber AS itemidnumber, gi.itemmodule, gi.iteminstance, gi.itemnumber, gi.gradetype,
                       gi.grademin, gi.grademax, gi.multfactor, gi.plusfactor, u.idnumber, u.username, u.email
                  FROM {grade_grades} r
                  JOIN {grade_items} gi ON gi.id = r.itemid
                  JOIN {course} c ON c.id = gi.courseid
                  JOIN {user} u ON u.id = r.userid
                 WHERE $where AND $belongs AND $isours AND " . assessments::points_sql('gi') . "
                       AND (r.finalgrade IS NOT NULL OR r.excluded <> 0 OR r.timemodified > 0)
              ORDER BY r.id";
        return $DB->get_records_sql($sql, $params + $more + $still, 0, $limit);
    }

    /**
     * Make structs of rows.
     *
     * @param \stdClass[] $rows
     * @return array
     */
    protected static function structs(array $rows): array {
        $history = self::history(array_keys($rows));
        $attempts = attempts::of($rows);
        $noticed = noticed::of($rows, $history);
        $found = [];
        foreach ($rows as $id => $row) {
            $user = (object) [
                'id' => $row->userid, 'idnumber' => $row->idnumber, 'username' => $row->username, 'email' => $row->email,
            ];
            $item = (object) ['id' => $row->itemid, 'idnumber' => $row->itemidnumber];
            $assessmentid = assessments::id($item);
            $theirs = $attempts[$id] ?? [];
            $structs = shape\grade::structs($row, $row, users::id($user), $assessmentid, $theirs, $history);
            $found[$id] = isset($noticed[$id]) ? shape\grade::noticed($structs, ...$noticed[$id]) : $structs;
        }
        return $found;
    }

    /**
     * The history of some grades, where Moodle keeps one: excusing and hiding are told by nothing else.
     *
     * @param int[] $ids
     * @return shape\since
     */
    private static function history(array $ids): shape\since {
        global $DB;
        $history = new shape\since();
        if ($ids) {
            [$in, $params] = $DB->get_in_or_equal($ids);
            $sql = "SELECT id, oldid, finalgrade, excluded, hidden, timemodified
                      FROM {grade_grades_history}
                     WHERE oldid $in AND action <> 3
                  ORDER BY id";
            foreach ($DB->get_recordset_sql($sql, $params) as $row) {
                $history->take($row->oldid, shape\grade::told($row), $row->timemodified);
            }
        }
        return $history;
    }
}
