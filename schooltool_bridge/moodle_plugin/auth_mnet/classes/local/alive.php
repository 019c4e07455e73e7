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
 * Sessions at home go on while their people are elsewhere.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class alive {
    /** @var int whoever did something within so many seconds is here; a little more than between two runs of the task */
    const RECENT_SECONDS = 660;
    /** @var int names in one call */
    const NAMES = 500;
    /** @var int how long each site may take, in seconds */
    const SECONDS = 15;

    /**
     * Tell the sites of the people who are here from elsewhere that they still are.
     *
     * @param int|null $hostid only this site; null: all
     */
    public static function tell($hostid) {
        global $CFG, $DB;
        $sql = "SELECT s.id, s.session_id, s.username, s.mnethostid
                  FROM {mnet_session} s
                  JOIN {user} u ON u.id = s.userid AND u.mnethostid = s.mnethostid
                 WHERE u.mnethostid <> :here AND u.lastaccess > :since AND u.deleted = 0";
        $params = ['here' => $CFG->mnet_localhost_id, 'since' => time() - self::RECENT_SECONDS];
        if ($hostid !== null) {
            $sql .= ' AND s.mnethostid = :hostid';
            $params['hostid'] = $hostid;
        }
        $names = [];
        foreach (visits::prolong($DB->get_records_sql($sql, $params), false) as $row) {
            $names[$row->mnethostid][$row->username] = $row->username;
        }
        foreach (array_intersect_key($names, hosts::providers()) as $id => $theirs) {
            $peer = hosts::by_id($id);
            foreach (array_chunk(array_values($theirs), self::NAMES) as $some) {
                $answer = hosts::call($peer, 'keepalive_server', [$some], self::SECONDS);
                if (!$answer->ok) {
                    // Anything printed would break the answer where another site asked for this.
                    if (CLI_SCRIPT) {
                        mtrace($peer->wwwroot . ': ' . implode('; ', $answer->errors));
                    }
                    // That site is asked again by the next run; the others are not kept waiting.
                    break;
                }
            }
        }
    }

    /**
     * Let the sessions of people of this site go on, since another site says that they are there.
     *
     * @param string[] $usernames
     * @param int $hostid the site
     * @return string[] those who have no session here any more
     */
    public static function prolong(array $usernames, $hostid) {
        global $CFG, $DB;
        $found = [];
        foreach (array_chunk($usernames, self::NAMES) as $some) {
            [$in, $params] = $DB->get_in_or_equal($some, SQL_PARAMS_NAMED);
            $sql = "SELECT s.id, s.session_id, s.username
                      FROM {mnet_session} s
                      JOIN {user} u ON u.id = s.userid
                     WHERE s.mnethostid = :hostid AND u.mnethostid = :here AND s.username $in";
            $params += ['hostid' => $hostid, 'here' => $CFG->mnet_localhost_id];
            foreach (visits::prolong($DB->get_records_sql($sql, $params), true) as $row) {
                $found[$row->username] = true;
            }
        }
        return array_values(array_filter($usernames, function ($name) use ($found) {
            return !isset($found[$name]);
        }));
    }
}
