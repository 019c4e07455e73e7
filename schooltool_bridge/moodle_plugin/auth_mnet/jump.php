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
 * Where people of this site go over to another.
 *
 * The address has hostid (the row of the site) or hostwwwroot (its address), and wantsurl (the page wanted there).
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

use auth_mnet\local\address;
use auth_mnet\local\hosts;

// phpcs:ignore moodle.Files.RequireLogin.Missing -- guests are sent to the login page below.
require(__DIR__ . '/../../config.php');

$hostid = optional_param('hostid', 0, PARAM_INT);
$hostwwwroot = optional_param('hostwwwroot', '', PARAM_URL);
// The page is one of the other site, which looks at it itself.
$wantsurl = optional_param('wantsurl', '', PARAM_RAW);

$PAGE->set_context(context_system::instance());
$PAGE->set_url(new moodle_url('/auth/mnet/jump.php', array_filter([
    'hostid' => $hostid, 'hostwwwroot' => $hostwwwroot, 'wantsurl' => $wantsurl,
])));

if (!isloggedin() || isguestuser()) {
    $SESSION->wantsurl = $PAGE->url->out(false);
    redirect(get_login_url());
}
if (!is_enabled_auth('mnet')) {
    throw new moodle_exception('mnetdisable');
}
if (!$hostid) {
    $peer = hosts::by_wwwroot(address::tidy($hostwwwroot));
    $hostid = $peer === null ? 0 : $peer->id;
}

redirect(get_auth_plugin('mnet')->start_jump_session($hostid, $wantsurl));
