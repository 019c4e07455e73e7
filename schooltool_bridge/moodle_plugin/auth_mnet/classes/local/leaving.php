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

use core\session\manager;
use stdClass;

/**
 * Signing out: a visit ends on both sides.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class leaving {
    /**
     * End the visits of somebody of this site elsewhere, who signs out in a browser.
     *
     * Where another site calls, which is where they signed out, all their sessions here end too; but only if they
     * have been there.
     *
     * @param string $username theirs
     * @param string $agent the browser's hash
     * @param int|null $callerid the site that calls; null: they sign out here
     * @return string what was done, in lines
     */
    public static function end_visits($username, $agent, $callerid) {
        global $CFG, $DB;
        $mine = ['username' => $username, 'mnethostid' => $CFG->mnet_localhost_id, 'deleted' => 0];
        $userid = is_string($username) && $username !== '' ? $DB->get_field('user', 'id', $mine) : false;
        if (!$userid) {
            return "Could find no remote sessions\n";
        }
        $rows = visits::of($userid, (string) $agent);
        $hostids = array_unique(array_map(function ($row) {
            return (int) $row->mnethostid;
        }, $rows));
        if ($callerid !== null && !in_array((int) $callerid, $hostids)) {
            return "Could find no remote sessions\n";
        }
        $done = '';
        foreach (array_diff($hostids, [(int) $callerid]) as $hostid) {
            $peer = hosts::by_id($hostid);
            if ($peer !== null) {
                $done .= "Deleting session\n";
                $answer = hosts::call($peer, 'kill_child', [$username, $agent], hosts::SIGN_OFF_SECONDS);
                self::note($answer, $peer);
            }
        }
        visits::forget($rows);
        if ($callerid !== null) {
            manager::destroy_user_sessions($userid);
        }
        return $done;
    }

    /**
     * Tell the site of somebody from there that they sign out here; their other visits end as well.
     *
     * @param stdClass $user their account here
     * @param string $agent the browser's hash
     * @return bool whether that site knows it by now
     */
    public static function tell_home(stdClass $user, $agent) {
        $rows = visits::of($user->id, $agent, $user->mnethostid);
        visits::forget($rows);
        $peer = $rows ? hosts::by_id($user->mnethostid) : null;
        if ($peer === null) {
            return !$rows;
        }
        $answer = hosts::call($peer, 'kill_children', [$user->username, $agent], hosts::SIGN_OFF_SECONDS);
        self::note($answer, $peer);
        return $answer->ok;
    }

    /**
     * End somebody's visit here, because their site says that they signed out there.
     *
     * @param string $username theirs
     * @param string $agent the browser's hash
     * @param int $hostid the site that says so
     * @return bool whether there was one
     */
    public static function end_visit($username, $agent, $hostid) {
        global $DB;
        if (!is_scalar($username) || !is_scalar($agent)) {
            return false;
        }
        $theirs = ['username' => (string) $username, 'mnethostid' => $hostid, 'useragent' => (string) $agent];
        $rows = $DB->get_records('mnet_session', $theirs);
        // Somebody of this site, on their way there, has rows with that site as well.
        $rows = array_filter($rows, function ($row) use ($DB, $hostid) {
            return $DB->record_exists('user', ['id' => $row->userid, 'mnethostid' => $hostid]);
        });
        visits::forget($rows);
        self::end_sessions($rows);
        return (bool) $rows;
    }

    /**
     * End sessions here.
     *
     * @param stdClass[] $rows with session_id
     */
    public static function end_sessions(array $rows) {
        foreach ($rows as $row) {
            manager::destroy((string) $row->session_id);
        }
    }

    /**
     * Say to developers that a site did not answer; whoever signs out is not kept waiting by it.
     *
     * @param stdClass $answer as hosts::call() gave it
     * @param \mnet_peer $peer
     */
    private static function note(stdClass $answer, \mnet_peer $peer) {
        if (!$answer->ok) {
            mnet_debug('signing out was not understood by ' . $peer->wwwroot . ': ' . implode('; ', $answer->errors));
        }
    }
}
