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
 * From a row of {grade_items} to the struct of new_assessment. Pure.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class assessment {
    /** @var int[] aggregations of a category in which an item's coefficient says that it is extra credit */
    const EXTRA_CREDIT = [11, 12, 13];

    /**
     * What is told of a grade item.
     *
     * @param \stdClass $item a row of {grade_items}, with aggregation of its category
     * @param string $id the id under which it is told of
     * @param string $sectionid the id under which its course is told of
     * @return array
     */
    public static function struct(\stdClass $item, string $id, string $sectionid): array {
        $name = text::line((string) $item->itemname);
        return [
            'sectionid' => $sectionid,
            'name' => $name === '' ? $id : $name,
            'idnumber' => $id,
            'pointval' => points::most($item),
            'extra_credit' => $item->aggregationcoef > 0 && in_array((int) $item->aggregation, self::EXTRA_CREDIT, true),
            'hidden' => (int) $item->hidden,
            'moodleid' => (string) $item->id,
            'timemodified' => (int) max($item->timemodified, $item->timecreated),
        ];
    }
}
