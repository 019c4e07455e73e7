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

use local_schooltool\local\text;

/**
 * From a row of {user} to the struct of fetch_user. Pure.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class user {
    /** @var string[] what a stored password looks like, by the name of its kind */
    const HASHES = [
        'bcrypt' => '~^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$~D',
        'sha512crypt' => '~^\$6\$(rounds=\d{1,9}\$)?[^$]{1,16}\$[./A-Za-z0-9]{86}$~D',
        'md5' => '~^[0-9a-f]{32}$~D',
    ];

    /**
     * What is told of a user.
     *
     * @param \stdClass $user with id, username, firstname, lastname, email, password, timecreated, timemodified
     * @param string $id the id under which it is told
     * @param bool $withpassword whether the hash of the password goes along
     * @return array
     */
    public static function struct(\stdClass $user, string $id, bool $withpassword): array {
        $told = [
            'username' => text::line($user->username),
            // Some have one name only; the other side asks for both.
            'firstname' => self::name($user->firstname),
            'lastname' => self::name($user->lastname),
            'idnumber' => $id,
            'email' => text::line($user->email),
            'moodleid' => (string) $user->id,
            'timemodified' => (int) max($user->timemodified, $user->timecreated),
        ];
        return $told + ($withpassword ? self::password($user->password) : []);
    }

    /**
     * A part of a name.
     *
     * @param string|null $name
     * @return string
     */
    private static function name($name): string {
        $said = text::line((string) $name);
        return $said === '' ? '-' : $said;
    }

    /**
     * The fields of a password; none where Moodle keeps no hash (other kinds of signing on).
     *
     * @param string|null $hash
     * @return string[]
     */
    private static function password($hash): array {
        foreach (self::HASHES as $algorithm => $looks) {
            if (preg_match($looks, (string) $hash)) {
                return ['password_hash' => $hash, 'password_hash_algorithm' => $algorithm];
            }
        }
        return [];
    }
}
