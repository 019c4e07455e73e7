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
 * Text that goes out.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class text {
    /**
     * Text without what XML cannot carry; tabs and line ends stay.
     *
     * @param string $text
     * @return string valid UTF-8
     */
    public static function clean(string $text): string {
        if (!preg_match('//u', $text)) {
            // Bytes that are no UTF-8 become U+FFFD; PHP has this substitution nowhere else without an extension.
            $escaped = htmlspecialchars($text, ENT_SUBSTITUTE | ENT_NOQUOTES, 'UTF-8');
            $text = htmlspecialchars_decode($escaped, ENT_NOQUOTES);
        }
        return preg_replace('/[\x{00}-\x{08}\x{0B}\x{0C}\x{0E}-\x{1F}\x{FFFE}\x{FFFF}]/u', '', $text);
    }

    /**
     * A name or an id: one line, without blanks around it.
     *
     * @param string $text
     * @return string
     */
    public static function line(string $text): string {
        return trim(preg_replace('/[\t\r\n]+/', ' ', self::clean($text)));
    }
}
