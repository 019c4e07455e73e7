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

use stdClass;

/**
 * The sites of the network, and what was ticked for each.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class hosts {
    /** @var int how long somebody waits for another site while they are signed in, in seconds */
    const SIGN_ON_SECONDS = 20;
    /** @var int how long somebody waits for each other site while they sign out, in seconds */
    const SIGN_OFF_SECONDS = 10;

    /**
     * A site by its number here.
     *
     * @param int $id the row of mnet_host
     * @return \mnet_peer|null null: not known, deleted, this site itself, or the row for all hosts
     */
    public static function by_id($id) {
        self::load();
        $peer = new \mnet_peer();
        return $peer->set_id($id) ? self::real($peer) : null;
    }

    /**
     * A site by its address.
     *
     * @param string $wwwroot its address, exactly as it is registered
     * @return \mnet_peer|null null as by_id()
     */
    public static function by_wwwroot($wwwroot) {
        self::load();
        $peer = new \mnet_peer();
        return $wwwroot !== '' && $peer->set_wwwroot($wwwroot) ? self::real($peer) : null;
    }

    /**
     * The sites for which a service is ticked, for themselves or for all hosts.
     *
     * @param string $service its name
     * @param string $way 'publish' or 'subscribe'
     * @return stdClass[] id, wwwroot, name, application, sso_jump_url; by id, in the order of their names
     */
    public static function ticked($service, $way) {
        global $CFG, $DB;
        $column = $way === 'publish' ? 'publish' : 'subscribe';
        $sql = "SELECT h.id, h.wwwroot, h.name, a.name AS application, a.sso_jump_url
                  FROM {mnet_host} h
                  JOIN {mnet_application} a ON a.id = h.applicationid
                 WHERE h.deleted = 0 AND h.id <> :here AND h.id <> :everybody AND EXISTS (
                       SELECT 1
                         FROM {mnet_host2service} h2s
                         JOIN {mnet_service} s ON s.id = h2s.serviceid
                        WHERE s.name = :service AND h2s.$column = 1 AND (h2s.hostid = h.id OR h2s.hostid = :allhosts))
              ORDER BY h.name, h.id";
        $all = empty($CFG->mnet_all_hosts_id) ? 0 : $CFG->mnet_all_hosts_id;
        return $DB->get_records_sql($sql, [
            'here' => $CFG->mnet_localhost_id, 'everybody' => $all, 'allhosts' => $all, 'service' => $service,
        ]);
    }

    /**
     * Sites whose people may come here.
     *
     * @return stdClass[] as ticked()
     */
    public static function providers() {
        return array_intersect_key(self::ticked('sso_sp', 'publish'), self::ticked('sso_idp', 'subscribe'));
    }

    /**
     * Sites to which people of this one may go over.
     *
     * @return stdClass[] as ticked()
     */
    public static function destinations() {
        return array_intersect_key(self::ticked('sso_idp', 'publish'), self::ticked('sso_sp', 'subscribe'));
    }

    /**
     * Call a function of this plugin's counterpart on another site.
     *
     * @param \mnet_peer $peer the site
     * @param string $function such as user_authorise
     * @param array $params texts and lists
     * @param int $seconds how long to wait
     * @return stdClass ok, response, errors (texts such as "7012 : no such function")
     */
    public static function call(\mnet_peer $peer, $function, array $params, $seconds) {
        global $CFG;
        require_once($CFG->dirroot . '/mnet/xmlrpc/client.php');
        $client = new \mnet_xmlrpc_client();
        $client->set_timeout($seconds);
        $client->set_method('auth/mnet/auth.php/' . $function);
        foreach ($params as $param) {
            $client->add_param($param, is_array($param) ? 'array' : 'string');
        }
        try {
            $ok = $client->send($peer) === true;
        } catch (\moodle_exception $problem) {
            // Where PHP cannot do the cipher.
            $ok = false;
            $client->error[] = $problem->getMessage();
        }
        return (object) ['ok' => $ok, 'response' => $client->response, 'errors' => array_map('strval', $client->error)];
    }

    /**
     * Who calls, while a call is answered.
     *
     * @return \mnet_remote_client
     */
    public static function caller() {
        global $CFG;
        require_once($CFG->dirroot . '/mnet/xmlrpc/serverlib.php');
        return get_mnet_remote_client();
    }

    /**
     * Only sites that somebody can come from or go to.
     *
     * @param \mnet_peer $peer as it was found
     * @return \mnet_peer|null
     */
    private static function real(\mnet_peer $peer) {
        global $CFG;
        $all = empty($CFG->mnet_all_hosts_id) ? 0 : $CFG->mnet_all_hosts_id;
        $isnone = !empty($peer->deleted) || $peer->id == $CFG->mnet_localhost_id || $peer->id == $all;
        return $isnone || empty($peer->application) ? null : $peer;
    }

    /**
     * Have Moodle's classes of the network at hand.
     */
    private static function load() {
        global $CFG;
        require_once($CFG->dirroot . '/mnet/lib.php');
        get_mnet_environment();
    }
}
