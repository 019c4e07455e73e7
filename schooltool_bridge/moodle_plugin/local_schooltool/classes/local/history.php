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

namespace local_schooltool\local;

/**
 * Reads Moodle's histories of grades and grade items: they have what fires no event (excused, hidden,
 * recovered), and why a grade went.
 *
 * By growing id. A row with a lower id may be committed later than one with a higher; so the last
 * minutes are read again each time, without the rows that were taken.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class history {
    /** Seconds that are read again. */
    const OVERLAP_S = 600;
    /** Rows that are taken in one transaction. */
    const AT_ONCE = 2000;
    /** Seconds after which a reset that never ended counts as ended. */
    const RESET_S = 3600;
    /** Seconds for which it is kept when a course was reset. */
    const RESET_KEPT_S = 2592000;

    /** @var string[] the tables */
    const TABLES = ['items' => 'grade_items_history', 'grades' => 'grade_grades_history'];

    /**
     * Tell whether Moodle keeps these histories.
     *
     * @return bool
     */
    public static function is_on(): bool {
        global $CFG;
        return empty($CFG->disablegradehistory);
    }

    /**
     * Note what came into the histories. By one process at a time (sender's lock).
     *
     * @param float $until no new transaction after this time (microtime)
     * @return void
     */
    public static function take(float $until): void {
        foreach (array_keys(self::TABLES) as $source) {
            if (!outbox::peers()) {
                self::skip($source);
                continue;
            }
            do {
                $taken = self::take_some($source);
            } while ($taken === self::AT_ONCE && microtime(true) < $until);
        }
    }

    /**
     * Tell whether there is anything to take.
     *
     * @return bool
     */
    public static function is_behind(): bool {
        global $DB;
        foreach (self::TABLES as $source => $table) {
            $sql = "SELECT h.id FROM {{$table}} h
                 LEFT JOIN {local_schooltool_known} k ON k.source = :source AND k.rowid = h.id
                     WHERE h.id > :position AND k.id IS NULL";
            $params = ['source' => $source, 'position' => self::position($source)];
            if ($DB->get_records_sql($sql, $params, 0, 1)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Rows that were not taken, without deletions.
     *
     * @param string $source
     * @param string $where about h (the history) and gi (its item, which may be gone by now)
     * @param array $params
     * @return \stdClass[] by id: itemid, userid (of grades), timemodified
     */
    public static function unread(string $source, string $where, array $params): array {
        global $DB;
        [$item, $fields] = $source === 'grades' ? ['h.itemid', 'h.itemid, h.userid'] : ['h.oldid', 'h.oldid AS itemid'];
        $sql = "SELECT h.id, h.timemodified, $fields
                  FROM {" . self::TABLES[$source] . "} h
             LEFT JOIN {grade_items} gi ON gi.id = $item
             LEFT JOIN {local_schooltool_known} k ON k.source = :source AND k.rowid = h.id
                 WHERE h.id > :position AND h.action <> :deleted AND k.id IS NULL AND ($where)
                       AND (gi.id IS NULL OR gi.itemtype IN ('mod', 'manual'))";
        $params += ['source' => $source, 'position' => self::position($source), 'deleted' => rules::DELETED];
        return $DB->get_records_sql($sql, $params);
    }

    /**
     * Remember rows as taken.
     *
     * @param string $source
     * @param int[] $ids
     * @return void
     */
    public static function took(string $source, array $ids): void {
        global $DB;
        $now = time();
        $DB->insert_records('local_schooltool_known', array_map(function ($id) use ($source, $now) {
            return (object) ['source' => $source, 'rowid' => (int) $id, 'timetaken' => $now];
        }, $ids));
    }

    /**
     * Take the next rows.
     *
     * @param string $source
     * @return int how many
     */
    private static function take_some(string $source): int {
        global $DB;
        $position = self::position($source);
        $isgrades = $source === 'grades';
        $fields = $isgrades ? 'h.itemid, h.userid, h.finalgrade, h.excluded, gi.itemtype, gi.courseid'
            : 'h.oldid AS itemid, h.itemtype';
        $join = $isgrades ? 'LEFT JOIN {grade_items} gi ON gi.id = h.itemid' : '';
        $sql = "SELECT h.id, h.action, h.source, h.timemodified, $fields
                  FROM {" . self::TABLES[$source] . "} h $join
             LEFT JOIN {local_schooltool_known} k ON k.source = :source AND k.rowid = h.id
                 WHERE h.id > :position AND k.id IS NULL
              ORDER BY h.id";
        $params = ['source' => $source, 'position' => $position];
        $rows = $DB->get_records_sql($sql, $params, 0, self::AT_ONCE);
        $notes = $isgrades ? self::of_grades($rows) : self::of_items($rows);
        $transaction = $DB->start_delegated_transaction();
        outbox::add($notes);
        self::took($source, array_keys($rows));
        self::move_on($source, $position);
        $transaction->allow_commit();
        return count($rows);
    }

    /**
     * The notes of some rows of the history of items: one for each item.
     *
     * @param \stdClass[] $rows
     * @return array[]
     */
    private static function of_items(array $rows): array {
        $notes = [];
        foreach ($rows as $row) {
            if (rules::item($row) === rules::TELL) {
                $notes[$row->itemid] = [notes::ASSESSMENT, $row->itemid, 0, null, (int) $row->timemodified];
            }
        }
        return array_values($notes);
    }

    /**
     * The notes of some rows of the history of grades: one for each grade, and those that were taken back.
     *
     * @param \stdClass[] $rows
     * @return array[]
     */
    private static function of_grades(array $rows): array {
        $resets = self::resets();
        $notes = [];
        foreach ($rows as $row) {
            $isreset = self::is_within($resets[$row->courseid] ?? [], (int) $row->timemodified);
            $says = rules::graded($row, $isreset);
            if ($says === rules::NOTHING) {
                continue;
            }
            $note = [notes::GRADE, $row->itemid, $row->userid, null, (int) $row->timemodified];
            if ($says === rules::TAKEN_BACK) {
                $note = self::taken_back((int) $row->itemid, (int) $row->userid, (int) $row->timemodified);
            }
            $notes["$says/$row->itemid/$row->userid"] = $note;
        }
        return array_values(array_filter($notes));
    }

    /**
     * The note that a person took a grade back.
     *
     * @param int $itemid
     * @param int $userid
     * @param int $time
     * @return array|null null for what is not told of
     */
    public static function taken_back(int $itemid, int $userid, int $time): ?array {
        $assessment = read\assessments::one($itemid);
        $user = read\users::one($userid);
        if (!$assessment || !$user) {
            return null;
        }
        $data = ['assessmentid' => $assessment['idnumber'], 'userid' => $user['idnumber'], 'timemodified' => $time,
            'assessmentmoodleid' => (string) $itemid, 'usermoodleid' => (string) $userid];
        return [notes::GRADE, $itemid, $userid, ['events' => [['delete_grade', $data]]], $time];
    }

    /**
     * Up to which row a history was read for good.
     *
     * @param string $source
     * @return int
     */
    private static function position(string $source): int {
        global $DB;
        $position = $DB->get_field('local_schooltool_cursor', 'position', ['source' => $source]);
        if ($position === false) {
            // What was before belongs to the first transfer.
            $position = (int) $DB->get_field_sql('SELECT MAX(id) FROM {' . self::TABLES[$source] . '}');
            $DB->insert_record('local_schooltool_cursor', ['source' => $source, 'position' => $position]);
        }
        return (int) $position;
    }

    /**
     * Leave behind what was taken long enough ago.
     *
     * @param string $source
     * @param int $position where it stands
     * @return void
     */
    private static function move_on(string $source, int $position): void {
        global $DB;
        $sql = 'SELECT MAX(rowid) FROM {local_schooltool_known} WHERE source = :source AND timetaken < :before';
        $params = ['source' => $source, 'before' => time() - self::OVERLAP_S];
        $settled = (int) $DB->get_field_sql($sql, $params);
        if ($settled > $position) {
            $DB->set_field('local_schooltool_cursor', 'position', $settled, ['source' => $source]);
            $params = ['source' => $source, 'settled' => $settled];
            $DB->delete_records_select('local_schooltool_known', 'source = :source AND rowid <= :settled', $params);
        }
    }

    /**
     * As long as nothing is connected, nothing is noted.
     *
     * @param string $source
     * @return void
     */
    private static function skip(string $source): void {
        global $DB;
        $last = (int) $DB->get_field_sql('SELECT MAX(id) FROM {' . self::TABLES[$source] . '}');
        if ($last > self::position($source)) {
            $DB->set_field('local_schooltool_cursor', 'position', $last, ['source' => $source]);
        }
        $DB->delete_records('local_schooltool_known', ['source' => $source]);
    }

    /**
     * When courses were reset.
     *
     * @return array[] by course, from and until when
     */
    private static function resets(): array {
        global $DB;
        $found = [];
        foreach ($DB->get_records('local_schooltool_quiet') as $row) {
            $found[$row->courseid][] = [$row->timestart, $row->timeend ?: $row->timestart + self::RESET_S];
        }
        return $found;
    }

    /**
     * Tell whether a time is in one of some spans.
     *
     * @param array[] $spans
     * @param int $time
     * @return bool
     */
    private static function is_within(array $spans, int $time): bool {
        foreach ($spans as $span) {
            if ($span[0] <= $time && $time <= $span[1]) {
                return true;
            }
        }
        return false;
    }
}
