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

/**
 * Reading something by growing id, a bounded number of rows at a time.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
abstract class by_id {
    /** @var int ids that one query looks at, or databases sort a whole table for each page */
    const WINDOW = 2000;

    /** @var int ids that one looks at where hardly any of them are wanted */
    const WIDEST = 50000;

    /** @var int how many rows could not be read */
    public static $left = 0;

    /**
     * The table by whose ids it is read.
     *
     * @return string
     */
    abstract protected static function table(): string;

    /**
     * Read rows that belong to what is sent.
     *
     * @param string $where a condition on r.id, r being the table's alias
     * @param array $params
     * @param int $limit
     * @return \stdClass[] by id, which grows
     */
    abstract protected static function rows(string $where, array $params, int $limit): array;

    /**
     * Make structs of rows.
     *
     * @param \stdClass[] $rows by id
     * @return array by id: a list of structs
     */
    abstract protected static function structs(array $rows): array;

    /**
     * What is told of some.
     *
     * @param int[] $ids
     * @return array by id: a list of structs; without those of which nothing is told
     */
    public static function some(array $ids): array {
        global $DB;
        [$in, $params] = $DB->get_in_or_equal($ids, SQL_PARAMS_NAMED, 'some');
        return static::structs(static::rows("r.id $in", $params, count($ids)));
    }

    /**
     * The highest id that there is.
     *
     * @return int
     */
    public static function upper(): int {
        global $DB;
        return (int) $DB->get_field_sql('SELECT MAX(id) FROM {' . static::table() . '}');
    }

    /**
     * How many there may be.
     *
     * @param int $upper
     * @return int
     */
    public static function guess(int $upper): int {
        global $DB;
        return $DB->count_records_select(static::table(), 'id <= ?', [$upper]);
    }

    /**
     * Read a page.
     *
     * @param string $at what was sent last: "id", or "id:n" for the first n structs of one
     * @param int $upper the highest id
     * @param int $limit how many structs at most
     * @param float $until when to stop, by microtime
     * @return array structs, and what was sent last; null for that at the end
     */
    public static function page(string $at, int $upper, int $limit, float $until): array {
        [$last, $skip] = array_map('intval', explode(':', $at . ':0'));
        $found = [];
        $window = self::WINDOW;
        while ($last < $upper || $skip) {
            $to = min($upper, $last + $window);
            // A row of which a part was sent is read again.
            $where = 'r.id > :after AND r.id <= :upto';
            $want = $limit - count($found);
            $rows = static::rows($where, ['after' => $skip ? $last - 1 : $last, 'upto' => $to], $want);
            foreach (self::readable($rows) as $id => $structs) {
                $done = $id == $last ? $skip : 0;
                foreach (array_slice($structs, $done) as $struct) {
                    if (count($found) === $limit) {
                        return [$found, $done ? "$id:$done" : (string) $last];
                    }
                    $found[] = $struct;
                    $done++;
                }
                $last = $id;
                $skip = 0;
            }
            $skip = 0;
            if (count($rows) < $want) {
                $last = $to;
                $window = count($rows) * 10 < $window ? min(2 * $window, self::WIDEST) : $window;
            }
            if (count($found) >= $limit || microtime(true) > $until) {
                break;
            }
        }
        return [$found, $last < $upper ? (string) $last : null];
    }

    /**
     * Make structs of rows; one that cannot be read spoils no other.
     *
     * @param \stdClass[] $rows by id
     * @return array by id: a list of structs
     */
    private static function readable(array $rows): array {
        try {
            return static::structs($rows);
        } catch (\dml_exception $problem) {
            throw $problem;
        } catch (\Throwable $problem) {
            $found = [];
        }
        foreach ($rows as $id => $row) {
            try {
                $found += static::structs([$id => $row]);
            } catch (\dml_exception $problem) {
                throw $problem;
            } catch (\Throwable $problem) {
                self::$left++;
                // A site in use logs no debugging.
                // phpcs:ignore moodle.PHP.ForbiddenFunctions.FoundWithAlternative
                error_log('local_schooltool: ' . static::table() . " $id: $problem");
            }
        }
        return $found;
    }
}
