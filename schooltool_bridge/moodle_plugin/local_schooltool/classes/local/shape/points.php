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
 * Points: Moodle's grades counted from zero. Pure.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class points {
    /** @var int grade_items.gradetype of a number */
    const VALUE = 1;

    /** @var int grade_items.gradetype of a scale */
    const SCALE = 2;

    /** @var int digits after the point that Moodle keeps */
    const DIGITS = 5;

    /**
     * Tell whether an item is one that has points, by the admin's settings.
     *
     * @param \stdClass $item with itemtype, gradetype, grademin, grademax, outcomeid
     * @param string $scales points (its steps counted from zero) or skip
     * @param string $minimum what another minimum than zero leads to: shift (counted from it) or skip
     * @return bool
     */
    public static function has(\stdClass $item, string $scales, string $minimum): bool {
        // Totals are worked out on the other side; outcomes are said beside a grade and are none.
        if (!in_array($item->itemtype, ['mod', 'manual'], true) || !empty($item->outcomeid)) {
            return false;
        }
        if ($item->gradetype == self::SCALE) {
            return $scales === 'points';
        }
        return $item->gradetype == self::VALUE && ($item->grademin == 0 || $minimum === 'shift');
    }

    /**
     * The most points of an item.
     *
     * @param \stdClass $item with grademin, grademax
     * @return float|int
     */
    public static function most(\stdClass $item) {
        return self::number(max(0, $item->grademax - $item->grademin));
    }

    /**
     * A grade in points.
     *
     * @param float|string|null $grade as the gradebook has it
     * @param \stdClass $item with grademin
     * @return float|int|null
     */
    public static function of($grade, \stdClass $item) {
        return $grade === null ? null : self::number($grade - $item->grademin);
    }

    /**
     * What an activity counts itself, in points, as the gradebook would make it.
     *
     * @param float|string $raw
     * @param float|string $most the activity's own maximum
     * @param \stdClass $item with gradetype, grademin, grademax, multfactor, plusfactor
     * @return float|int|null null where that cannot be said
     */
    public static function of_raw($raw, $most, \stdClass $item) {
        if ($item->gradetype == self::SCALE) {
            return self::of($raw, $item);
        }
        if ($most <= 0) {
            return null;
        }
        $grade = $raw / $most * ($item->grademax - $item->grademin) + $item->grademin;
        $grade = $grade * $item->multfactor + $item->plusfactor;
        return self::of(min(max($grade, $item->grademin), $item->grademax), $item);
    }

    /**
     * A number without needless digits.
     *
     * @param float|string $number
     * @return float|int
     */
    private static function number($number) {
        $rounded = round((float) $number, self::DIGITS);
        return $rounded == (int) $rounded ? (int) $rounded : $rounded;
    }
}
