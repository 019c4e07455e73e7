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
 * The ids under which things are told of: the school's own, or # and Moodle's. Pure.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class ids {
    /**
     * A user's id.
     *
     * @param \stdClass $user with id, idnumber, username, email
     * @param string $fallback what stands for an idnumber that is missing: none, username, email
     * @param bool $isdouble whether a user of this Moodle with a lower id has the same
     * @return string
     */
    public static function user(\stdClass $user, string $fallback, bool $isdouble = false): string {
        $instead = $fallback === 'none' ? '' : (string) $user->{$fallback};
        return self::id($user->id, (string) $user->idnumber, $instead, $isdouble);
    }

    /**
     * A course's id.
     *
     * @param \stdClass $course with id, idnumber, shortname
     * @param string $fallback what stands for an idnumber that is missing: none, shortname
     * @param bool $isdouble whether a course with a lower id has the same
     * @return string
     */
    public static function course(\stdClass $course, string $fallback, bool $isdouble = false): string {
        $instead = $fallback === 'none' ? '' : (string) $course->{$fallback};
        return self::id($course->id, (string) $course->idnumber, $instead, $isdouble);
    }

    /**
     * A grade item's id.
     *
     * @param \stdClass $item with id, idnumber
     * @param bool $isdouble whether an item with a lower id, in whatever course, has the same
     * @return string
     */
    public static function item(\stdClass $item, bool $isdouble = false): string {
        return self::id($item->id, (string) $item->idnumber, '', $isdouble);
    }

    /**
     * The first of these that says anything.
     *
     * @param int|string $own Moodle's own id
     * @param string $idnumber
     * @param string $instead
     * @param bool $isdouble
     * @return string
     */
    private static function id($own, string $idnumber, string $instead, bool $isdouble): string {
        $id = text::line($idnumber);
        if ($id === '') {
            $id = text::line($instead);
        }
        // What looks like Moodle's own id of something must never be read as one.
        return $id === '' || $isdouble || $id[0] === '#' ? '#' . $own : $id;
    }
}
