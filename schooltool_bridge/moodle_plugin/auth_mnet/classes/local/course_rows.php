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

namespace auth_mnet\local;

/**
 * Compares the courses in which another site says a person is with those known here. Pure.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class course_rows {
    /** @var string[] what is kept of a course, by the name under which it comes */
    const COLUMNS = [
        'sortorder' => 'sortorder', 'fullname' => 'fullname', 'shortname' => 'shortname', 'idnumber' => 'idnumber',
        'summary' => 'summary', 'startdate' => 'startdate', 'cat_id' => 'categoryid', 'cat_name' => 'categoryname',
    ];

    /**
     * What is to be written.
     *
     * @param array $told the courses that came, each an array with its id over there
     * @param array $known the courses known here, by their id over there: each an array with its columns and
     *     'enrolled' (whether the person is known to be in it)
     * @return array 'update' (columns that changed, by id over there), 'enrol' (name of the role, by id over there),
     *     'keep' (ids over there in which the person is)
     */
    public static function difference(array $told, array $known) {
        $difference = ['update' => [], 'enrol' => [], 'keep' => []];
        foreach ($told as $course) {
            $id = is_array($course) && isset($course['id']) && is_scalar($course['id']) ? (string) $course['id'] : '';
            // A course that this site never asked about cannot be shown.
            if (!isset($known[$id])) {
                continue;
            }
            $difference['keep'][] = $id;
            foreach (self::COLUMNS as $name => $column) {
                $value = isset($course[$name]) && is_scalar($course[$name]) ? (string) $course[$name] : null;
                if ($value !== null && array_key_exists($column, $known[$id]) && (string) $known[$id][$column] !== $value) {
                    $difference['update'][$id][$column] = $value;
                }
            }
            if (!$known[$id]['enrolled']) {
                $role = isset($course['defaultrolename']) ? $course['defaultrolename'] : '';
                $difference['enrol'][$id] = is_scalar($role) ? (string) $role : '';
            }
        }
        return $difference;
    }
}
