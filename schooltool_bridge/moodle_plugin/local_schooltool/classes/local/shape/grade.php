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

/**
 * From a row of {grade_grades} to the structs of new_grade: one for each attempt. Pure.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class grade {
    /**
     * What is told of a grade.
     *
     * @param \stdClass $grade with id, itemid, userid, finalgrade, excluded, hidden, overridden, timemodified
     * @param \stdClass $item its grade item
     * @param string $userid the id under which the user is told of
     * @param string $assessmentid the id under which the item is told of
     * @param array $attempts by number: points (null while not graded), timemodified
     * @param since|null $history
     * @return array[] none for a row that never had a grade
     */
    public static function structs(
        \stdClass $grade,
        \stdClass $item,
        string $userid,
        string $assessmentid,
        array $attempts = [],
        ?since $history = null
    ): array {
        if ($grade->finalgrade === null && !$grade->excluded && !$grade->timemodified) {
            return [];
        }
        $same = [
            'assessmentid' => $assessmentid,
            'userid' => $userid,
            'excepted' => (bool) $grade->excluded,
            'assessmentmoodleid' => (string) $grade->itemid,
            'usermoodleid' => (string) $grade->userid,
        ];
        // A grade that is excused or set by hand keeps the time of its grading.
        $modified = (int) max($grade->timemodified, $grade->overridden, $grade->excluded);
        if ($history) {
            $modified = $history->when($grade->id, self::told($grade), (int) $grade->timemodified, $modified);
        }
        $final = ['points' => points::of($grade->finalgrade, $item), 'timemodified' => $modified,
            // Only here: at the time of an earlier attempt it may have been shown.
            'told' => ['hidden' => (int) $grade->hidden]];
        // An excuse is the grade's: at the time of an earlier attempt there was none.
        $earlier = array_merge($same, ['excepted' => false]);
        $told = [];
        foreach (self::counted($final, $attempts) as $number => $one) {
            $told[] = (isset($one['told']) ? $same : $earlier) + ($number ? ['attempt_num' => $number] : []) + ($one['told'] ?? []) + [
                'points_earned' => $one['points'],
                'timemodified' => (int) $one['timemodified'],
            ];
        }
        return $told;
    }

    /**
     * What became hidden or excused, or no longer, without leaving its time: told from when that was seen, and
     * until then as it was.
     *
     * @param array[] $structs
     * @param int $time when it was seen
     * @param bool $was whether it was excused before
     * @return array[]
     */
    public static function noticed(array $structs, int $time, bool $was): array {
        $last = array_pop($structs);
        if ($last === null) {
            return [];
        }
        if ($time > $last['timemodified']) {
            $structs[] = ['excepted' => $was] + array_diff_key($last, ['hidden' => 0]);
            $last['timemodified'] = $time;
        }
        $structs[] = $last;
        return $structs;
    }

    /**
     * What decides the struct, of a grade or of a row of its history.
     *
     * @param \stdClass $grade
     * @return array
     */
    public static function told(\stdClass $grade): array {
        $final = $grade->finalgrade === null ? null : (float) $grade->finalgrade;
        return [$final, (int) $grade->excluded > 0, (int) $grade->hidden];
    }

    /**
     * The attempts, the last one with what the gradebook says: that is what counts, on both sides.
     *
     * @param array $final points, timemodified, what else is told of what counts
     * @param array $attempts
     * @return array by number; 0 where Moodle keeps no attempts
     */
    private static function counted(array $final, array $attempts): array {
        ksort($attempts);
        $graded = array_filter($attempts, function ($one) {
            return $one['points'] !== null;
        });
        if (!$graded) {
            return [$attempts ? max(array_keys($attempts)) : 0 => $final];
        }
        // One that is open empties the cell where the gradebook says so; what was graded before stays.
        $last = max(array_keys($final['points'] === null ? $attempts : $graded));
        $graded[$last] = $final;
        return $graded;
    }
}
