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
 * Who is where, in which session: the rows of mnet_session.
 *
 * A row with somebody of this site is a visit of theirs elsewhere; one with somebody of another site is their visit
 * here. There is a row for each session and browser, since two computers of a school may have the same browser.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class visits {
    /**
     * Rows of a person and a browser.
     *
     * @param int $userid the account here
     * @param string $agent the browser's hash
     * @param int|null $hostid only those of one site
     * @return stdClass[]
     */
    public static function of($userid, $agent, $hostid = null) {
        global $DB;
        $wanted = ['userid' => $userid, 'useragent' => $agent];
        return $DB->get_records('mnet_session', $hostid === null ? $wanted : $wanted + ['mnethostid' => $hostid], 'id');
    }

    /**
     * Note that somebody of this site is on the way to another.
     *
     * @param stdClass $user who goes
     * @param int $hostid where to
     * @param string $agent the browser's hash
     * @param int $seconds how long the token lives
     * @return string the token: 40 hex digits, known to nobody else
     */
    public static function leave(stdClass $user, $hostid, $agent, $seconds) {
        $token = self::token();
        self::write($user, $hostid, $agent, $token, time() + $seconds);
        return $token;
    }

    /**
     * Note that somebody of another site has been signed in here.
     *
     * The session of a row that is over is renewed, so that whoever ends the visit ends the session of now.
     *
     * @param stdClass $user their account here
     * @param int $hostid where they come from
     * @param string $agent the browser's hash
     */
    public static function arrive(stdClass $user, $hostid, $agent) {
        foreach (self::of($user->id, $agent, $hostid) as $row) {
            if ($row->session_id !== session_id() && !manager::session_exists($row->session_id)) {
                self::forget([$row]);
            }
        }
        // The token of the other site is used up; in its place stands one that nobody knows.
        self::write($user, $hostid, $agent, self::token(), 0);
    }

    /**
     * Take the token of somebody who went to a site, this once.
     *
     * @param string $token what the site was given
     * @param string $agent the hash of the browser that brought it there
     * @param int $hostid the site
     * @return stdClass|null the row with the time until which the token lived; null: no such token, or used
     */
    public static function take($token, $agent, $hostid) {
        global $DB;
        if (!is_string($token) || !is_string($agent) || $token === '') {
            return null;
        }
        $row = $DB->get_record('mnet_session', ['token' => $token, 'mnethostid' => $hostid]);
        if (!$row || $row->confirm_timeout == 0 || !hash_equals($row->useragent, $agent)) {
            return null;
        }
        // Of two that ask at the same moment only one finds its own token there afterwards.
        $spent = self::token();
        $DB->set_field_select('mnet_session', 'token', $spent, 'id = ? AND token = ?', [$row->id, $token]);
        if ($DB->get_field('mnet_session', 'token', ['id' => $row->id]) !== $spent) {
            return null;
        }
        $DB->set_field('mnet_session', 'confirm_timeout', 0, ['id' => $row->id]);
        return $row;
    }

    /**
     * Whether somebody has been at a site with this browser.
     *
     * @param int $userid the account here
     * @param int $hostid the site
     * @param string $agent the browser's hash
     * @return bool
     */
    public static function were($userid, $hostid, $agent) {
        foreach (self::of($userid, $agent, $hostid) as $row) {
            if ($row->confirm_timeout == 0) {
                return true;
            }
        }
        return false;
    }

    /**
     * Let the sessions that go on be known a while longer.
     *
     * @param stdClass[] $rows with id and session_id
     * @param bool $touch whether the sessions themselves are to go on as well
     * @return stdClass[] those whose sessions still are
     */
    public static function prolong(array $rows, $touch) {
        global $CFG, $DB;
        $alive = array_filter($rows, function ($row) {
            return manager::session_exists($row->session_id);
        });
        foreach ($alive as $row) {
            if ($touch) {
                manager::touch_session($row->session_id);
            }
            $DB->set_field('mnet_session', 'expires', time() + (int) $CFG->sessiontimeout, ['id' => $row->id]);
        }
        return $alive;
    }

    /**
     * Forget rows.
     *
     * @param stdClass[] $rows with id
     */
    public static function forget(array $rows) {
        global $DB;
        $DB->delete_records_list('mnet_session', 'id', array_map(function ($row) {
            return $row->id;
        }, $rows));
    }

    /**
     * Forget what ended long ago.
     */
    public static function sweep() {
        global $DB;
        $DB->delete_records_select('mnet_session', 'expires < ?', [time() - DAYSECS]);
    }

    /**
     * Write the row of the present session.
     *
     * @param stdClass $user whose
     * @param int $hostid the other site
     * @param string $agent the browser's hash
     * @param string $token
     * @param int $until when the token ends; 0: it is used
     */
    private static function write(stdClass $user, $hostid, $agent, $token, $until) {
        global $CFG, $DB;
        $row = [
            'token' => $token,
            'confirm_timeout' => $until,
            'expires' => time() + (int) $CFG->sessiontimeout,
        ];
        foreach (self::of($user->id, $agent, $hostid) as $before) {
            if ($before->session_id === session_id()) {
                $DB->update_record('mnet_session', (object) ($row + ['id' => $before->id]));
                return;
            }
        }
        $DB->insert_record('mnet_session', (object) ($row + [
            'userid' => $user->id,
            'username' => $user->username,
            'mnethostid' => $hostid,
            'useragent' => $agent,
            'session_id' => session_id(),
        ]));
    }

    /**
     * Forty hex digits that nobody can guess.
     *
     * @return string
     */
    private static function token() {
        return bin2hex(random_bytes(20));
    }
}
