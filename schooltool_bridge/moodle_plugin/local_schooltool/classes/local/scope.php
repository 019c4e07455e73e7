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
 * Who and what is told of at all, by the admin's settings.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class scope {
    /** @var string[] what decides who and what is sent, and under which ids, with the defaults */
    const SETTINGS = [
        'categories' => '',
        'userauths' => '',
        'idnumberfallback' => 'none',
        'courseidnumberfallback' => 'none',
        'scales' => 'points',
        'minimum' => 'shift',
    ];

    /**
     * One of the settings that decide what is sent.
     *
     * @param string $name a key of SETTINGS
     * @return string
     */
    public static function setting(string $name): string {
        $value = get_config('local_schooltool', $name);
        return $value === false || $value === null ? self::SETTINGS[$name] : (string) $value;
    }

    /**
     * Tell whether a kind of thing is sent at all.
     *
     * @param string $name sendusers, sendenrolments, sendgrades (assessments with them); and sendsections,
     *     which both of these need
     * @return bool
     */
    public static function sends(string $name): bool {
        if ($name === 'sendsections') {
            return self::sends('sendenrolments') || self::sends('sendgrades');
        }
        $value = get_config('local_schooltool', $name);
        return $value === false || $value === null || (bool) $value;
    }

    /**
     * Tell whether a user is told of: one of this Moodle's own, a real and present one.
     *
     * @param \stdClass $user a row of {user}
     * @return bool
     */
    public static function has_user(\stdClass $user): bool {
        global $CFG;
        $auths = self::listed('userauths');
        return empty($user->deleted)
            && !empty($user->confirmed)
            && $user->username !== 'guest'
            && $user->id != ($CFG->siteguest ?? 0)
            && $user->mnethostid == $CFG->mnet_localhost_id
            && (!$auths || in_array($user->auth, $auths, true));
    }

    /**
     * Tell whether a course is told of: no front page, and in a chosen category or below one.
     *
     * @param \stdClass $course a row of {course}
     * @return bool
     */
    public static function has_course(\stdClass $course): bool {
        global $DB;
        if ($course->id == SITEID) {
            return false;
        }
        $chosen = self::listed('categories');
        if (!$chosen) {
            return true;
        }
        $path = $DB->get_field('course_categories', 'path', ['id' => $course->category]);
        return (bool) array_intersect(explode('/', (string) $path), $chosen);
    }

    /**
     * The same as has_user, as a condition of SQL.
     *
     * @param string $alias of {user}
     * @return array SQL and its named parameters
     */
    public static function user_sql(string $alias): array {
        global $CFG, $DB;
        $sql = "$alias.deleted = 0 AND $alias.confirmed = 1 AND $alias.username <> :scopeguest
            AND $alias.id <> :scopeguestid AND $alias.mnethostid = :scopehost";
        $params = [
            'scopeguest' => 'guest',
            'scopeguestid' => $CFG->siteguest ?? 0,
            'scopehost' => $CFG->mnet_localhost_id,
        ];
        if ($auths = self::listed('userauths')) {
            [$in, $more] = $DB->get_in_or_equal($auths, SQL_PARAMS_NAMED, 'scopeauth');
            $sql .= " AND $alias.auth $in";
            $params += $more;
        }
        return [$sql, $params];
    }

    /**
     * The same as has_course, as a condition of SQL.
     *
     * @param string $alias of {course}
     * @return array SQL and its named parameters
     */
    public static function course_sql(string $alias): array {
        global $DB;
        $sql = "$alias.id <> :scopesite";
        $params = ['scopesite' => SITEID];
        if ($chosen = self::listed('categories')) {
            $below = [];
            foreach ($chosen as $n => $id) {
                $below[] = "scopecat.id = :scopecat$n OR " . $DB->sql_like('scopecat.path', ":scopepath$n");
                $params += ["scopecat$n" => (int) $id, "scopepath$n" => '%/' . (int) $id . '/%'];
            }
            $sql .= " AND $alias.category IN
                (SELECT scopecat.id FROM {course_categories} scopecat WHERE " . implode(' OR ', $below) . ')';
        }
        return [$sql, $params];
    }

    /**
     * A text that changes whenever what is sent changes.
     *
     * @return string at most 20 characters
     */
    public static function name(): string {
        $said = [];
        foreach (array_keys(self::SETTINGS) as $name) {
            $said[$name] = in_array($name, ['categories', 'userauths']) ? self::listed($name) : self::setting($name);
        }
        return '1-' . substr(sha1(json_encode($said)), 0, 16);
    }

    /**
     * A setting that is a list, in one order.
     *
     * @param string $name
     * @return string[]
     */
    private static function listed(string $name): array {
        $found = array_filter(array_map('trim', explode(',', self::setting($name))), 'strlen');
        sort($found);
        return array_values(array_unique($found));
    }
}
