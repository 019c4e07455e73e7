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
 * Since when something is as it is told of, from rows of its history. Pure.
 *
 * Moodle's own times move with whatever is saved: weights of a category, feedback. A report of a past day
 * asks when the name, the points, the grade came to be.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class since {
    /** @var array by id: what was told last, since when, whether it was never anything else */
    private $known = [];

    /**
     * Take one row, the oldest first.
     *
     * @param int|string $id
     * @param array $told what would be told of it
     * @param int|string $time
     */
    public function take($id, array $told, $time): void {
        $before = $this->known[$id] ?? null;
        if (!$before || $before[0] !== $told) {
            $this->known[$id] = [$told, (int) $time, !$before];
        }
    }

    /**
     * Tell whether the history has it as it is.
     *
     * @param int|string $id
     * @param array $told what is told of it now
     * @return bool
     */
    public function knows($id, array $told): bool {
        return ($this->known[$id][0] ?? null) === $told;
    }

    /**
     * Until when a grade was hidden and whether it was excused, by its history's last word.
     *
     * @param int|string $id
     * @return array as when nothing was ever done where there is none
     */
    public function flags($id): array {
        $last = $this->known[$id][0] ?? [null, false, 0];
        return [$last[2], $last[1]];
    }

    /**
     * When it came to be as it is.
     *
     * @param int|string $id
     * @param array $told what is told of it now
     * @param int $modified Moodle's own time
     * @param int $otherwise where the history says nothing of it
     * @return int
     */
    public function when($id, array $told, int $modified, int $otherwise): int {
        [$last, $time, $isfirst] = $this->known[$id] ?? [null, 0, false];
        if ($last !== $told) {
            // The history has a gap: it is newer than whatever is in there.
            return max($otherwise, $time);
        }
        // What was never anything else may be older than its history, as in a restored course.
        return $isfirst && $modified ? min($modified, $time) : $time;
    }
}
