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

namespace local_schooltool\local\connect;

/**
 * Leaves no row behind when the plugin goes.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class removal {
    /**
     * Undoes Connect for each server, then takes away what is left.
     */
    public static function all() {
        global $DB;
        foreach ($DB->get_fieldset_select('local_schooltool_peer', 'hostid', '1 = 1') as $hostid) {
            $target = target::of_host((int) $hostid);
            if ($target) {
                plan::undo($target, plan::own_of($target));
            }
        }
        // Hosts of our type, also those that were left long ago.
        $application = application::id();
        if ($application) {
            foreach ($DB->get_fieldset_select('mnet_host', 'id', 'applicationid = ?', [$application]) as $hostid) {
                self::host((int) $hostid);
            }
        }
        application::remove();
        shown::remove_entry();
        self::service('schooltool', 'local', 'schooltool');
        $DB->delete_records_select('config_plugins', "plugin = 'local_schooltool'");
    }

    /**
     * Takes a server away. One that users of this site came from stays, marked as deleted: their accounts name it.
     *
     * @param int $hostid
     */
    public static function host(int $hostid) {
        global $DB;
        $DB->delete_records('mnet_host2service', ['hostid' => $hostid]);
        $DB->delete_records('mnet_session', ['mnethostid' => $hostid]);
        $DB->delete_records('mnet_sso_access_control', ['mnet_host_id' => $hostid]);
        foreach (['importdefault', 'importfields', 'exportdefault', 'exportfields'] as $what) {
            unset_config('host' . $hostid . $what, 'mnet');
        }
        if ($DB->record_exists('user', ['mnethostid' => $hostid])) {
            $DB->set_field('mnet_host', 'deleted', 1, ['id' => $hostid]);
        } else {
            $DB->delete_records('mnet_log', ['hostid' => $hostid]);
            $DB->delete_records('mnet_host', ['id' => $hostid]);
        }
    }

    /**
     * Takes a service and its methods away.
     *
     * @param string $name
     * @param string $plugintype
     * @param string $pluginname
     */
    private static function service(string $name, string $plugintype, string $pluginname) {
        global $DB;
        $which = ['plugintype' => $plugintype, 'pluginname' => $pluginname];
        foreach (['mnet_rpc' => 'mnet_service2rpc', 'mnet_remote_rpc' => 'mnet_remote_service2rpc'] as $methods => $links) {
            foreach ($DB->get_fieldset_select($methods, 'id', 'plugintype = ? AND pluginname = ?', array_values($which)) as $id) {
                $DB->delete_records($links, ['rpcid' => $id]);
            }
            $DB->delete_records($methods, $which);
        }
        foreach ($DB->get_fieldset_select('mnet_service', 'id', 'name = ?', [$name]) as $id) {
            $DB->delete_records('mnet_host2service', ['serviceid' => $id]);
            $DB->delete_records('mnet_service', ['id' => $id]);
        }
    }
}
