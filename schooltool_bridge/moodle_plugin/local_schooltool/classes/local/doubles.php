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
 * Ids that are given twice in this Moodle: only the first to have one is told of under it.
 *
 * Moodle lets two users have one idnumber, and a copied course brings its items' idnumbers along. Told of
 * under the same id, one pupil would get another's grades. It stays so when the first one goes: over there
 * the id is the first one's for good.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class doubles {
    /** @var int seconds for which an answer is kept: many things are told of at once */
    const KEPT = 30;

    /** What is remembered of users is kept under this. */
    const USER = 'double user';

    /** What is remembered of grade items is kept under this. */
    const ITEM = 'double item';

    /** @var array by kind: [until when, ids] */
    private static $known = [];

    /**
     * Tell whether a user of a lower id has the same idnumber, or what stands for it.
     *
     * @param int|string $userid
     * @return bool
     */
    public static function user($userid): bool {
        $fallback = scope::setting('idnumberfallback');
        return self::has(self::USER, $fallback, $userid, function () use ($fallback) {
            [$where, $params] = scope::user_sql('u');
            $name = $fallback === 'none' ? 'u.idnumber' : "CASE WHEN u.idnumber <> '' THEN u.idnumber ELSE u.$fallback END";
            return ['{user} u', 'u.id', $name, $where, $params];
        });
    }

    /**
     * Tell whether a course of a lower id has the same idnumber, or what stands for it.
     *
     * @param int|string $courseid
     * @return bool
     */
    public static function course($courseid): bool {
        $fallback = scope::setting('courseidnumberfallback');
        return self::has('double course', $fallback, $courseid, function () use ($fallback) {
            [$where, $params] = scope::course_sql('c');
            $name = $fallback === 'none' ? 'c.idnumber' : "CASE WHEN c.idnumber <> '' THEN c.idnumber ELSE c.$fallback END";
            return ['{course} c', 'c.id', $name, $where, $params];
        });
    }

    /**
     * Tell whether a grade item of a lower id has the same idnumber.
     *
     * @param int|string $itemid
     * @return bool
     */
    public static function item($itemid): bool {
        return self::has(self::ITEM, '', $itemid, function () {
            return ['{grade_items} gi', 'gi.id', 'gi.idnumber', "gi.itemtype IN ('mod', 'manual')", []];
        });
    }

    /**
     * A user is about to be deleted.
     *
     * @param \stdClass $user
     */
    public static function user_goes(\stdClass $user): void {
        self::goes(self::USER, 'user', $user);
    }

    /**
     * A grade item goes, or is gone already.
     *
     * @param \stdClass $item with id, idnumber
     */
    public static function item_goes(\stdClass $item): void {
        self::goes(self::ITEM, 'grade_items', $item);
    }

    /**
     * A course is about to be deleted.
     *
     * @param int $courseid
     */
    public static function course_goes(int $courseid): void {
        global $DB;
        foreach ($DB->get_records('grade_items', ['courseid' => $courseid], 'id', 'id, idnumber') as $item) {
            self::item_goes($item);
        }
    }

    /**
     * Forget what is kept, since something was changed.
     */
    public static function forget(): void {
        self::$known = [];
    }

    /**
     * Remember whoever had the same idnumber as what goes.
     *
     * @param string $kind
     * @param string $table
     * @param \stdClass $first with id, idnumber
     */
    private static function goes(string $kind, string $table, \stdClass $first): void {
        global $DB;
        if ((string) $first->idnumber === '') {
            return;
        }
        $sql = "SELECT id FROM {{$table}} WHERE idnumber = :idnumber AND id > :id";
        foreach ($DB->get_fieldset_sql($sql, ['idnumber' => $first->idnumber, 'id' => $first->id]) as $id) {
            $thing = ['source' => $kind, 'rowid' => $id];
            if (!$DB->record_exists('local_schooltool_known', $thing)) {
                $DB->insert_record('local_schooltool_known', (object) ($thing + ['timetaken' => time()]), false);
            }
        }
        self::forget();
    }

    /**
     * Look it up, or remember it.
     *
     * @param string $kind
     * @param string $fallback what stands for an idnumber that is missing
     * @param int|string $id
     * @param callable $query gives table, id, name, condition, parameters
     * @return bool
     */
    private static function has(string $kind, string $fallback, $id, callable $query): bool {
        global $DB;
        $key = "$kind $fallback";
        if (!isset(self::$known[$key]) || self::$known[$key][0] < time()) {
            $ids = self::read(...$query());
            $before = $DB->get_fieldset_sql('SELECT rowid FROM {local_schooltool_known} WHERE source = ?', [$kind]);
            self::$known[$key] = [time() + self::KEPT, array_fill_keys(array_merge($ids, $before), true)];
        }
        return isset(self::$known[$key][1][$id]);
    }

    /**
     * Read which ids are given twice: in two steps, since a database may join them row by row.
     *
     * @param string $table
     * @param string $own the column of the id
     * @param string $name what is to be given once
     * @param string $where
     * @param array $params
     * @return int[] all but the lowest id of each
     */
    private static function read(string $table, string $own, string $name, string $where, array $params): array {
        global $DB;
        // Oracle keeps an empty text as null; elsewhere the one is the other.
        $among = "FROM $table WHERE $where AND $name IS NOT NULL AND $name <> ''";
        $sql = "SELECT LOWER($name) AS name, MIN($own) AS firstid $among GROUP BY LOWER($name) HAVING COUNT(1) > 1";
        $first = $DB->get_records_sql_menu($sql, $params);
        $ids = [];
        if ($first) {
            foreach ($DB->get_recordset_sql("SELECT $own AS id, LOWER($name) AS name $among", $params) as $row) {
                if (isset($first[$row->name]) && $first[$row->name] != $row->id) {
                    $ids[] = $row->id;
                }
            }
        }
        return $ids;
    }
}
