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
 * Grade items, as new_assessment takes them.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class assessments extends by_id {
    /**
     * What is told of a grade item.
     *
     * @param int $itemid
     * @return array|null the struct of new_assessment; null for what nothing is told of
     */
    public static function one(int $itemid): ?array {
        return static::some([$itemid])[$itemid][0] ?? null;
    }

    /**
     * What is told of a grade item whose row was just deleted.
     *
     * @param \stdClass $item what the row was
     * @return array|null the struct of new_assessment; null for what nothing is told of
     */
    public static function last(\stdClass $item): ?array {
        global $DB;
        [$belongs, $more] = scope::course_sql('c');
        $sql = "SELECT c.idnumber AS courseidnumber, c.shortname, ca.aggregation
                  FROM {course} c
             LEFT JOIN {grade_categories} ca ON ca.id = :category
                 WHERE c.id = :course AND $belongs";
        $params = ['category' => (int) ($item->categoryid ?? 0), 'course' => $item->courseid];
        $about = $DB->get_record_sql($sql, $params + $more);
        if (!$about || !shape\points::has($item, scope::setting('scales'), scope::setting('minimum'))) {
            return null;
        }
        return static::structs([$item->id => (object) ((array) $about + (array) $item)])[$item->id][0] ?? null;
    }

    /**
     * The id under which a grade item is told of.
     *
     * @param \stdClass $item with id, idnumber
     * @return string
     */
    public static function id(\stdClass $item): string {
        return ids::item($item, doubles::item($item->id));
    }

    /**
     * Which items have points, as a condition of SQL: what shape\points::has says of one.
     *
     * @param string $alias of {grade_items}
     * @return string
     */
    public static function points_sql(string $alias): string {
        $number = scope::setting('minimum') === 'shift' ? '' : "AND $alias.grademin = 0";
        $kinds = "($alias.gradetype = " . shape\points::VALUE . " $number)";
        if (scope::setting('scales') === 'points') {
            $kinds .= " OR $alias.gradetype = " . shape\points::SCALE;
        }
        return "$alias.itemtype IN ('mod', 'manual') AND $alias.outcomeid IS NULL AND ($kinds)";
    }

    /**
     * The table by whose ids it is read.
     *
     * @return string
     */
    protected static function table(): string {
        return 'grade_items';
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
        $sql = "SELECT r.*, ca.aggregation, c.idnumber AS courseidnumber, c.shortname
                  FROM {grade_items} r
                  JOIN {course} c ON c.id = r.courseid
             LEFT JOIN {grade_categories} ca ON ca.id = r.categoryid
                 WHERE $where AND $belongs AND " . self::points_sql('r') . "
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
        $history = self::history(array_keys($rows));
        return array_map(function ($item) use ($history) {
            $course = (object) [
                'id' => $item->courseid, 'idnumber' => $item->courseidnumber, 'shortname' => $item->shortname,
            ];
            return [shape\assessment::struct($item, self::id($item), sections::id($course), $history)];
        }, $rows);
    }

    /**
     * The history of some items, where Moodle keeps one.
     *
     * @param int[] $ids
     * @return shape\since
     */
    private static function history(array $ids): shape\since {
        global $DB;
        $history = new shape\since();
        if ($ids) {
            [$in, $params] = $DB->get_in_or_equal($ids);
            $sql = "SELECT id, oldid, courseid, categoryid, itemname, idnumber, gradetype, grademin, grademax,
                           aggregationcoef, hidden, timemodified
                      FROM {grade_items_history}
                     WHERE oldid $in
                  ORDER BY id";
            foreach ($DB->get_recordset_sql($sql, $params) as $row) {
                $history->take($row->oldid, shape\assessment::told($row), $row->timemodified);
            }
        }
        return $history;
    }
}
