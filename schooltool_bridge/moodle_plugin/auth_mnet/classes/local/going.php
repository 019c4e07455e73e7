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
use moodle_exception;
use stdClass;

/**
 * Identity provider: people of this site go over to another, which then asks who they are.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class going {
    /** @var int how long a token lives where the setting says nothing, in seconds */
    const TOKEN_SECONDS = 30;
    /** @var int[] the faults of user_authorise, by the name of their text */
    const FAULTS = ['authfail_nosessionexists' => 1, 'authfail_sessiontimedout' => 2, 'authfail_usermismatch' => 3];

    /**
     * Let the person who is signed in go over to a site.
     *
     * @param int $hostid where to
     * @param string $wantsurl the page that is wanted
     * @param bool $backhere whether that page is one of this site
     * @return string the address to which the browser is to be sent
     * @throws moodle_exception when they may not, or the site is not set up for it
     */
    public static function start($hostid, $wantsurl, $backhere) {
        global $USER;
        if (manager::is_loggedinas()) {
            throw new moodle_exception('notpermittedtojumpas', 'mnet');
        }
        $ismine = isloggedin() && !isguestuser() && !is_mnet_remote_user($USER);
        if (!$ismine || !has_capability('moodle/site:mnetlogintoremote', \context_system::instance())) {
            throw new moodle_exception('notpermittedtojump', 'mnet');
        }
        $peer = hosts::by_id($hostid);
        if ($peer === null || !isset(hosts::destinations()[$peer->id])) {
            throw new moodle_exception('hostnotconfiguredforsso', 'mnet');
        }
        $agent = address::agent_hash($_SERVER);
        if (visits::were($USER->id, $peer->id, $agent)) {
            // A Moodle until 4.5 keeps the first session's id: what ends the visit would miss the new session.
            hosts::call($peer, 'kill_child', [$USER->username, $agent], hosts::SIGN_OFF_SECONDS);
        }
        $token = visits::leave($USER, $peer->id, $agent, self::seconds());
        $here = get_mnet_environment()->wwwroot;
        return address::of_landing($peer->wwwroot, $peer->application->sso_land_url, $token, $here, $wantsurl, $backhere);
    }

    /**
     * Tell a site who came to it with a token, this once.
     *
     * @param string $token
     * @param string $agent the hash of the browser that brought it
     * @return array what the site may know of them
     * @throws \mnet_server_exception 1 no such token, 2 too late, 3 nobody who may go over
     */
    public static function authorise($token, $agent) {
        global $CFG, $DB;
        $caller = hosts::caller();
        $visit = visits::take($token, $agent, $caller->id);
        if ($visit === null) {
            throw self::fault('authfail_nosessionexists');
        }
        if ($visit->confirm_timeout < time()) {
            throw self::fault('authfail_sessiontimedout');
        }
        $mine = ['id' => $visit->userid, 'mnethostid' => $CFG->mnet_localhost_id, 'deleted' => 0, 'suspended' => 0];
        $user = $DB->get_record('user', $mine);
        if (!$user) {
            throw self::fault('authfail_usermismatch');
        }
        $told = mnet_strip_user((array) $user, array_diff(mnet_fields_to_send($caller), profile::SECRET));
        $told['auth'] = 'mnet';
        $told['wwwroot'] = get_mnet_environment()->wwwroot;
        $told['session.gc_maxlifetime'] = (string) $CFG->sessiontimeout;
        if (array_key_exists('picture', $told)) {
            $told += picture::told($user);
        }
        $told['myhosts'] = courses::sites_of($user, $caller);
        return $told;
    }

    /**
     * How long a token lives.
     *
     * @return int seconds
     */
    private static function seconds() {
        $set = (int) get_config('auth_mnet', 'rpc_negotiation_timeout');
        return $set > 0 ? $set : self::TOKEN_SECONDS;
    }

    /**
     * A fault that other Moodles know.
     *
     * @param string $text the name of its text
     * @return \mnet_server_exception
     */
    private static function fault($text) {
        return new \mnet_server_exception(self::FAULTS[$text], $text);
    }
}
