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
     * @param since|null $history
     * @return array
     */
    public static function struct(\stdClass $item, string $id, string $sectionid, ?since $history = null): array {
        $name = text::line((string) $item->itemname);
        $modified = (int) max($item->timemodified, $item->timecreated);
        return [
            'sectionid' => $sectionid,
            'name' => $name === '' ? $id : $name,
            'idnumber' => $id,
            'pointval' => points::most($item),
            'extra_credit' => $item->aggregationcoef > 0 && in_array((int) $item->aggregation, self::EXTRA_CREDIT, true),
            'hidden' => (int) $item->hidden,
            'moodleid' => (string) $item->id,
            'sectionmoodleid' => (string) $item->courseid,
            'timemodified' => $history ? $history->when($item->id, self::told($item), $modified, $modified) : $modified,
        ];
    }

    /**
     * What decides the struct, of an item or of a row of its history.
     *
     * @param \stdClass $item
     * @return array
     */
    public static function told(\stdClass $item): array {
        return [
            (int) $item->courseid, (int) $item->categoryid, (string) $item->itemname, (string) $item->idnumber,
            (int) $item->gradetype, (float) $item->grademin, (float) $item->grademax, $item->aggregationcoef > 0,
            (int) $item->hidden,
        ];
    }
}
