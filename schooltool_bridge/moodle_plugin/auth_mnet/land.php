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
 * Where people of another site land, who are to be signed in here.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

use auth_mnet\local\address;
use auth_mnet\local\courses;
use auth_mnet\local\hosts;

// phpcs:ignore moodle.Files.RequireLogin.Missing -- this is where one is signed in.
require(__DIR__ . '/../../config.php');

$token = required_param('token', PARAM_BASE64);
$idp = required_param('idp', PARAM_URL);
$wantsurl = address::path(required_param('wantsurl', PARAM_LOCALURL));
$backthere = optional_param('remoteurl', false, PARAM_BOOL);

$PAGE->set_url(new moodle_url('/auth/mnet/land.php'));
$PAGE->set_context(context_system::instance());

if (!is_enabled_auth('mnet')) {
    throw new moodle_exception('mnetdisable');
}

$plugin = get_auth_plugin('mnet');
$peer = hosts::by_wwwroot(address::tidy($idp));
$account = $plugin->confirm_mnet_session($token, $peer);
$isfirst = empty($account->lastlogin) && empty($account->currentlogin);

$user = get_complete_user_data('id', $account->id, $account->mnethostid);
complete_user_login($user);
$plugin->update_mnet_session($user, $token, $peer);
if (!$isfirst) {
    courses::tell($user, $peer);
}

redirect(($backthere ? $peer->wwwroot : $CFG->wwwroot) . $wantsurl);
