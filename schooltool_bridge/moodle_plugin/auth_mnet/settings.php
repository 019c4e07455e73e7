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
 * The plugin's settings.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

if ($ADMIN->fulltree) {
    $places = [
        'peers' => (new moodle_url('/admin/mnet/peers.php'))->out(),
        'access' => (new moodle_url('/admin/mnet/access_control.php'))->out(),
        'fields' => (new moodle_url('/admin/mnet/profilefields.php'))->out(),
        'roles' => (new moodle_url('/admin/roles/manage.php'))->out(),
    ];
    $settings->add(new admin_setting_heading(
        'auth_mnet/about',
        '',
        new lang_string('auth_mnetdescription', 'auth_mnet') . new lang_string('about', 'auth_mnet', $places)
    ));
    $settings->add(new admin_setting_configtext(
        'auth_mnet/rpc_negotiation_timeout',
        new lang_string('rpc_negotiation_timeout', 'auth_mnet'),
        new lang_string('rpc_negotiation_timeout_desc', 'auth_mnet'),
        '30',
        '/^[1-9][0-9]{0,3}$/'
    ));
}
