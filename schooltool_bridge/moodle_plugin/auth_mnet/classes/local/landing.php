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

use core_text;
use core_user;
use moodle_exception;
use stdClass;

/**
 * Service provider: people of another site come here, and that site says who they are.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class landing {
    /** @var int[] what a site answers that does not let its people come here */
    const PROHIBITED = [702, 707, 7012, 7015];
    /** @var string[] fields of which a wrong value is left out, since there is no part of it to keep */
    const CHOICES = ['lang', 'country', 'calendartype', 'timezone'];

    /**
     * Find out who came with a token, and make or renew their account here.
     *
     * @param string $token
     * @param \mnet_peer|null $peer where they say they come from; null: not known here
     * @return stdClass their account
     * @throws moodle_exception when they may not land; the text is for them
     */
    public static function confirm($token, $peer) {
        if ($peer === null || !isset(hosts::providers()[$peer->id])) {
            throw new moodle_exception('notpermittedtoland', 'mnet');
        }
        $told = self::asked($token, $peer);
        $fields = profile::fields($told, mnet_fields_to_import($peer));
        $fields = self::cleaned($fields);
        if (profile::missing($fields) || !validate_email($fields['email'])) {
            throw new moodle_exception('notenoughidpinfo', 'mnet');
        }
        if (!self::may_come($fields['username'], $peer->id)) {
            throw self::refused($fields['username'], $peer);
        }
        return self::account($fields, $told, $peer);
    }

    /**
     * Whether the list of who may come lets somebody in. What it says of their site goes before what it says of all.
     *
     * @param string $username their name over there
     * @param int $hostid the other site
     * @return bool
     */
    public static function may_come($username, $hostid) {
        global $CFG, $DB;
        foreach ([$hostid, empty($CFG->mnet_all_hosts_id) ? 0 : $CFG->mnet_all_hosts_id] as $id) {
            $row = ['username' => $username, 'mnet_host_id' => $id];
            $found = $DB->get_field('mnet_sso_access_control', 'accessctrl', $row);
            if ($found !== false) {
                return $found === 'allow';
            }
        }
        return true;
    }

    /**
     * Ask a site who brought a token of its.
     *
     * @param string $token
     * @param \mnet_peer $peer
     * @return array what it told
     * @throws moodle_exception when it told nothing
     */
    private static function asked($token, \mnet_peer $peer) {
        $agent = address::agent_hash($_SERVER);
        $answer = hosts::call($peer, 'user_authorise', [$token, $agent], hosts::SIGN_ON_SECONDS);
        if (!$answer->ok) {
            $codes = array_map([address::class, 'error_code'], $answer->errors);
            if (array_intersect($codes, self::PROHIBITED)) {
                $here = format_string(get_site()->fullname);
                throw new moodle_exception('mnet_session_prohibited', 'mnet', $peer->wwwroot, $here);
            }
            $said = clean_param(implode('; ', $answer->errors), PARAM_NOTAGS);
            throw new moodle_exception('rpcerror', '', '', core_text::substr($said, 0, 500));
        }
        if (!is_array($answer->response) || !$answer->response) {
            throw new moodle_exception('unknownerror', 'mnet');
        }
        return $answer->response;
    }

    /**
     * Values as Moodle's table of users takes them; what it would not take is left out.
     *
     * @param string[] $fields by name
     * @return string[] by name
     */
    private static function cleaned(array $fields) {
        global $DB;
        $columns = $DB->get_columns('user');
        $cleaned = [];
        foreach ($fields as $name => $value) {
            if (!isset($columns[$name])) {
                continue;
            }
            $kept = (string) core_user::clean_field($value, $name);
            $most = $columns[$name]->meta_type === 'C' ? $columns[$name]->max_length : 0;
            if ($most > 0 && core_text::strlen($kept) > $most) {
                // A part of a name says who it is; a part of anything else is something else.
                if (!in_array($name, ['firstname', 'lastname', 'city', 'institution', 'department', 'address'])) {
                    continue;
                }
                $kept = core_text::substr($kept, 0, $most);
            }
            if (in_array($name, self::CHOICES) && ($kept !== $value || $value === '')) {
                continue;
            }
            if (core_user::validate((object) [$name => $kept]) === true) {
                $cleaned[$name] = $kept;
            }
        }
        return $cleaned;
    }

    /**
     * The account of somebody of another site, as it is by now.
     *
     * @param string[] $fields what is known of them, by name
     * @param array $told all that their site told
     * @param \mnet_peer $peer their site
     * @return stdClass
     * @throws moodle_exception when the account was closed here
     */
    private static function account(array $fields, array $told, \mnet_peer $peer) {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/user/lib.php');
        $theirs = ['username' => $fields['username'], 'mnethostid' => $peer->id, 'deleted' => 0];
        $account = $DB->get_record('user', $theirs);
        if (!$account) {
            $id = user_create_user((object) ($fields + ['auth' => 'mnet', 'mnethostid' => $peer->id, 'confirmed' => 1]), false);
            $account = $DB->get_record('user', ['id' => $id], '*', MUST_EXIST);
        } else {
            if ($account->suspended || $account->auth === 'nologin') {
                throw self::refused($fields['username'], $peer);
            }
            $changes = profile::changes($fields + ['auth' => 'mnet', 'confirmed' => '1'], (array) $account);
            if ($changes) {
                user_update_user((object) ($changes + ['id' => $account->id]), false);
            }
        }
        picture::fetch($account, $told, $peer);
        return $DB->get_record('user', ['id' => $account->id], '*', MUST_EXIST);
    }

    /**
     * What somebody reads who may not come.
     *
     * @param string $username
     * @param \mnet_peer $peer
     * @return moodle_exception
     */
    private static function refused($username, \mnet_peer $peer) {
        return new moodle_exception('sso_mnet_login_refused', 'auth_mnet', '', ['user' => $username, 'host' => $peer->name]);
    }
}
