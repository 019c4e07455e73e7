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
 * under the same id, one pupil would get another's grades.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class doubles {
    /** @var int seconds for which an answer is kept: many things are told of at once */
    const KEPT = 30;

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
        return self::has("user $fallback", $userid, function () use ($fallback) {
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
        return self::has("course $fallback", $courseid, function () use ($fallback) {
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
        return self::has('item', $itemid, function () {
            return ['{grade_items} gi', 'gi.id', 'gi.idnumber', "gi.itemtype IN ('mod', 'manual')", []];
        });
    }

    /**
     * Forget what is kept, since something was changed.
     */
    public static function forget(): void {
        self::$known = [];
    }

    /**
     * Look it up, or remember it.
     *
     * @param string $kind
     * @param int|string $id
     * @param callable $query gives table, id, name, condition, parameters
     * @return bool
     */
    private static function has(string $kind, $id, callable $query): bool {
        global $DB;
        if (!isset(self::$known[$kind]) || self::$known[$kind][0] < time()) {
            [$table, $own, $name, $where, $params] = $query();
            // Oracle keeps an empty text as null; elsewhere this is the same.
            $among = "FROM $table WHERE $where AND $name IS NOT NULL AND $name <> ''";
            $first = "SELECT LOWER($name) AS name, MIN($own) AS firstid $among GROUP BY LOWER($name) HAVING COUNT(1) > 1";
            $sql = "SELECT anyone.id FROM (SELECT $own AS id, LOWER($name) AS name $among) anyone
                      JOIN ($first) several ON several.name = anyone.name
                     WHERE anyone.id <> several.firstid";
            [$sql, $params] = self::numbered($sql, $params);
            $ids = $DB->get_fieldset_sql($sql, $params);
            self::$known[$kind] = [time() + self::KEPT, array_fill_keys($ids, true)];
        }
        return isset(self::$known[$kind][1][$id]);
    }

    /**
     * Number the parameters: Moodle wants each name once.
     *
     * @param string $sql
     * @param array $params
     * @return array SQL, parameters
     */
    private static function numbered(string $sql, array $params): array {
        $given = [];
        $sql = preg_replace_callback('/(?<!:):([a-z]\w*)/', function ($found) use ($params, &$given) {
            $name = $found[1] . 'n' . count($given);
            $given[$name] = $params[$found[1]];
            return ":$name";
        }, $sql);
        return [$sql, $given];
    }
}
