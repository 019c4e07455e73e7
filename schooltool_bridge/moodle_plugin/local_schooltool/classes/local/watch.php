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
 * What all observers share: that nothing of theirs may fail a page, and what this request is just removing.
 *
 * Of what is being removed its parts are not told of one by one.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class watch {
    /** @var bool[] courses that this request is deleting */
    public static $going = [];
    /** @var bool[] courses that this request is resetting */
    public static $resetting = [];
    /** @var bool[] users that this request is deleting */
    public static $leaving = [];

    /**
     * Do something of which nothing may reach the page; nothing at all before anything is connected.
     *
     * @param callable $what
     * @return void
     */
    public static function quietly(callable $what): void {
        try {
            // Files that were unzipped, but not installed yet, have no tables.
            if (get_config('local_schooltool', 'version') && outbox::peers()) {
                $what();
            }
        } catch (\Throwable $e) {
            outbox::complain($e);
        }
    }

    /**
     * Tell whether what goes from a course goes with it, or by its reset.
     *
     * @param int|string $courseid
     * @return bool
     */
    public static function is_going($courseid): bool {
        return isset(self::$going[$courseid]) || isset(self::$resetting[$courseid]);
    }

    /**
     * Tell whether somebody is enrolled in a course in any way.
     *
     * @param int $userid
     * @param int $courseid
     * @return bool
     */
    public static function is_enrolled(int $userid, int $courseid): bool {
        global $DB;
        $sql = 'SELECT ue.id FROM {user_enrolments} ue JOIN {enrol} e ON e.id = ue.enrolid
                 WHERE e.courseid = :courseid AND ue.userid = :userid';
        return $DB->record_exists_sql($sql, ['courseid' => $courseid, 'userid' => $userid]);
    }
}
