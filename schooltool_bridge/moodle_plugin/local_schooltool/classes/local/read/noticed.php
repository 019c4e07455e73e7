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

use local_schooltool\local\history;
use local_schooltool\local\shape;

/**
 * Since when a grade is hidden or excused, or no longer, where Moodle keeps no history of grades.
 *
 * Hiding leaves no time in a grade's row, nor does the end of an excuse. So it counts from when it was first
 * seen, which is kept for grades of which it was ever otherwise than at first.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class noticed {
    /** Which rows of local_schooltool_known these are. */
    const SOURCE = 'noticed/';
    /** The table. */
    const TABLE = 'local_schooltool_known';

    /**
     * What was noticed of some grades, now or before.
     *
     * @param \stdClass[] $rows by id, with hidden and excluded
     * @param shape\since $history what Moodle's history says of them
     * @return array by id: since when, and whether it was excused before; without those whose rows say it themselves
     */
    public static function of(array $rows, shape\since $history): array {
        $known = self::known(array_keys($rows));
        $found = [];
        foreach ($rows as $id => $row) {
            $flags = [(int) $row->hidden, $row->excluded > 0];
            $before = $known[$id]->flags ?? $history->flags($id);
            if ($history->knows($id, shape\grade::told($row))) {
                continue;
            }
            if ($flags !== $before && !history::is_on()) {
                // Only an excuse has its time beside it.
                $time = $flags[0] === $before[0] && $flags[1] ? (int) $row->excluded : time();
                $found[$id] = [$time, $before[1]];
                self::keep($id, $known[$id]->id ?? 0, $flags, $found[$id]);
            } else if (isset($known[$id]) && $flags === $known[$id]->flags) {
                $found[$id] = [$known[$id]->time, $known[$id]->was];
            }
        }
        return $found;
    }

    /**
     * Forget a grade that is gone.
     *
     * @param int $id
     * @return void
     */
    public static function forget(int $id): void {
        global $DB;
        $where = 'rowid = :id AND ' . $DB->sql_like('source', ':noticed');
        $DB->delete_records_select(self::TABLE, $where, ['id' => $id, 'noticed' => self::SOURCE . '%']);
    }

    /**
     * What was noticed before.
     *
     * @param int[] $ids
     * @return \stdClass[] by the grade's id
     */
    private static function known(array $ids): array {
        global $DB;
        if (!$ids) {
            return [];
        }
        [$in, $params] = $DB->get_in_or_equal($ids, SQL_PARAMS_NAMED, 'grade');
        $where = $DB->sql_like('source', ':noticed') . " AND rowid $in";
        $found = [];
        foreach ($DB->get_records_select(self::TABLE, $where, ['noticed' => self::SOURCE . '%'] + $params) as $row) {
            [, $hidden, $excused, $was] = explode('/', $row->source);
            $found[$row->rowid] = (object) [
                'id' => $row->id, 'flags' => [(int) $hidden, $excused === '1'], 'was' => $was === '1', 'time' => (int) $row->timetaken,
            ];
        }
        return $found;
    }

    /**
     * Keep what is noticed now.
     *
     * @param int $id the grade's
     * @param int $known the row that there is of it; 0 for none
     * @param array $flags until when it is hidden, whether it is excused
     * @param array $noticed since when, and whether it was excused before
     * @return void
     */
    private static function keep(int $id, int $known, array $flags, array $noticed): void {
        global $DB;
        $source = self::SOURCE . implode('/', [$flags[0], (int) $flags[1], (int) $noticed[1]]);
        $row = (object) ['source' => $source, 'rowid' => $id, 'timetaken' => $noticed[0]];
        if ($known) {
            $row->id = $known;
            $DB->update_record(self::TABLE, $row);
        } else {
            $DB->insert_record(self::TABLE, $row, false);
        }
    }
}
