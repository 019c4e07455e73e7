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

namespace local_schooltool\local\shape;

use local_schooltool\local\text;

/**
 * From a row of {course} to the struct of new_section. Pure.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class section {
    /**
     * What is told of a course.
     *
     * @param \stdClass $course with id, fullname, shortname, timecreated, timemodified, startdate, enddate
     * @param string $id the id under which it is told
     * @param string $teacher the id of its teacher, empty for none
     * @param int|string $teacherown Moodle's own
     * @return array
     */
    public static function struct(\stdClass $course, string $id, string $teacher, $teacherown = ''): array {
        $name = text::line($course->fullname);
        $told = [
            'name' => $name === '' ? text::line($course->shortname) : $name,
            'idnumber' => $id,
            'moodleid' => (string) $course->id,
            'timemodified' => (int) max($course->timemodified, $course->timecreated),
        ];
        foreach (['startdate', 'enddate'] as $date) {
            if (!empty($course->$date)) {
                $told[$date] = (int) $course->$date;
            }
        }
        $named = ['teacheridnumber' => $teacher, 'teachermoodleid' => (string) $teacherown];
        return $told + ($teacher === '' ? [] : $named);
    }
}
