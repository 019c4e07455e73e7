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
 * Network servers: where whoever is signed in here can go over to. For Moodles without the block of this name.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

require(__DIR__ . '/../../config.php');

require_login(null, false);
$context = context_system::instance();
$PAGE->set_context($context);
$PAGE->set_url('/local/schooltool/servers.php');
$PAGE->set_pagelayout('standard');
$PAGE->set_title(get_string('networkservers', 'local_schooltool'));
$PAGE->set_heading($SITE->fullname);

$refusal = '';
$servers = [];
if (isguestuser() || is_mnet_remote_user($USER)) {
    $refusal = get_string('servers_ownonly', 'local_schooltool');
} else if (\core\session\manager::is_loggedinas()) {
    $refusal = get_string('notpermittedtojumpas', 'mnet');
} else if (!is_enabled_auth('mnet')) {
    $refusal = get_string('servers_off', 'local_schooltool');
} else if (!has_capability('moodle/site:mnetlogintoremote', $context)) {
    $refusal = get_string('servers_notallowed', 'local_schooltool');
} else {
    // Those to whom this site vouches for its users, as the block of Moodle 4.5 lists them.
    $hosts = $DB->get_records_sql('SELECT DISTINCT h.id, h.name
          FROM {mnet_host} h
          JOIN {mnet_host2service} t ON t.hostid = h.id AND t.publish = 1
          JOIN {mnet_service} s ON s.id = t.serviceid AND s.name = ?
         WHERE h.id <> ? AND h.id <> ? AND h.deleted = 0
      ORDER BY h.name', ['sso_idp', $CFG->mnet_localhost_id, $CFG->mnet_all_hosts_id]);
    foreach ($hosts as $host) {
        $servers[] = [
            'name' => $host->name,
            'url' => (new moodle_url('/auth/mnet/jump.php', ['hostid' => $host->id]))->out(false),
        ];
    }
    if (count($servers) === 1) {
        redirect($servers[0]['url']);
    }
}

echo $OUTPUT->header();
echo $OUTPUT->heading(get_string('networkservers', 'local_schooltool'));
if ($refusal !== '') {
    echo $OUTPUT->notification($refusal, \core\output\notification::NOTIFY_INFO);
} else {
    echo $OUTPUT->render_from_template('local_schooltool/networkservers', ['servers' => $servers, 'has' => (bool) $servers]);
}
echo $OUTPUT->footer();
