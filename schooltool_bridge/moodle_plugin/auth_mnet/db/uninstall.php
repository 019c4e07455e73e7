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

/**
 * What is taken away with the plugin. Moodle itself forgets nothing of the network.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

/**
 * End the visits, and take away services, functions and tables that were this plugin's.
 *
 * The list of who may come, accounts and peers are Moodle's and stay.
 */
function xmldb_auth_mnet_uninstall() {
    global $CFG, $DB;
    $visits = $DB->get_records('mnet_session');
    $here = $DB->get_records_select_menu('user', 'mnethostid <> ?', [$CFG->mnet_localhost_id], '', 'id, id AS same');
    auth_mnet\local\leaving::end_sessions(array_filter($visits, function ($row) use ($here) {
        return isset($here[$row->userid]);
    }));
    $DB->delete_records('mnet_session');
    $ours = ['plugintype' => 'auth', 'pluginname' => 'mnet'];
    foreach (['mnet_rpc' => 'mnet_service2rpc', 'mnet_remote_rpc' => 'mnet_remote_service2rpc'] as $functions => $links) {
        $DB->delete_records_list($links, 'rpcid', array_keys($DB->get_records($functions, $ours, '', 'id')));
        $DB->delete_records($functions, $ours);
    }
    foreach (['sso_idp', 'sso_sp'] as $name) {
        $id = $DB->get_field('mnet_service', 'id', ['name' => $name]);
        $of = ['serviceid' => $id];
        if ($id && !$DB->record_exists('mnet_service2rpc', $of) && !$DB->record_exists('mnet_remote_service2rpc', $of)) {
            $DB->delete_records('mnet_host2service', $of);
            $DB->delete_records('mnet_service', ['id' => $id]);
        }
    }
    auth_mnet\local\tables::remove();
    return true;
}
