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

namespace auth_mnet\local;

/**
 * What another site tells of a person, and what of it may reach an account here. Pure.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class profile {
    /** @var string[] what no other site decides, whatever is ticked for it */
    const NEVER = [
        'id', 'auth', 'confirmed', 'policyagreed', 'deleted', 'suspended', 'mnethostid', 'password', 'secret',
        'emailstop', 'firstaccess', 'lastaccess', 'lastlogin', 'currentlogin', 'lastip', 'timecreated', 'timemodified',
        'trustbitmask', 'theme', 'moodlenetprofile', 'picture', 'wwwroot',
    ];
    /** @var string[] what never leaves this site */
    const SECRET = ['password', 'secret', 'lastip'];
    /** @var string[] what every account needs */
    const NEEDED = ['username', 'firstname', 'lastname', 'email'];

    /**
     * The fields of an account that another site told, as texts.
     *
     * @param array $told what user_authorise answered
     * @param string[] $wanted the fields that this site takes from that one
     * @return string[] by field
     */
    public static function fields(array $told, array $wanted) {
        $fields = [];
        foreach (array_diff($wanted, self::NEVER) as $name) {
            if (isset($told[$name]) && is_scalar($told[$name])) {
                $fields[$name] = self::text($told[$name]);
            }
        }
        if (isset($fields['username'])) {
            $fields['username'] = strtolower($fields['username']);
        }
        if (isset($fields['lang'])) {
            // Moodle 1.x has it at the end of each.
            $fields['lang'] = preg_replace('~_utf8$~', '', $fields['lang']);
        }
        if (isset($fields['country'])) {
            $fields['country'] = strtoupper($fields['country']);
        }
        return $fields;
    }

    /**
     * Which of the fields that every account needs are not there.
     *
     * @param string[] $fields by name
     * @return string[] names
     */
    public static function missing(array $fields) {
        return array_values(array_filter(self::NEEDED, function ($name) use ($fields) {
            return !isset($fields[$name]) || trim($fields[$name]) === '';
        }));
    }

    /**
     * What is to be changed in an account.
     *
     * @param string[] $fields what was told, by field
     * @param array $account the account as it is, by field
     * @return string[] what differs, by field
     */
    public static function changes(array $fields, array $account) {
        $changes = [];
        foreach ($fields as $name => $value) {
            if (array_key_exists($name, $account) && (string) $account[$name] !== $value) {
                $changes[$name] = $value;
            }
        }
        return $changes;
    }

    /**
     * When the picture over there was changed last.
     *
     * @param array $told what user_authorise answered
     * @return int seconds since 1970; 0: there is none, or it is not shared
     */
    public static function picture_time(array $told) {
        $time = isset($told['_mnet_userpicture_timemodified']) ? $told['_mnet_userpicture_timemodified'] : 0;
        return empty($told['picture']) || !is_numeric($time) ? 0 : (int) $time;
    }

    /**
     * A value as a text, without control characters but line ends and tabs.
     *
     * @param int|float|string|bool $value what came
     * @return string
     */
    private static function text($value) {
        $text = is_bool($value) ? (string) (int) $value : (string) $value;
        if (!preg_match('~~u', $text)) {
            return '';
        }
        return trim(preg_replace('~[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]~', '', $text));
    }
}
