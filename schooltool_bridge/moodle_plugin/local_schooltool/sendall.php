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
 * Sends everything to a server, and shows how far it is.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

// The bar moves while the page is still being made.
define('NO_OUTPUT_BUFFERING', true);

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/adminlib.php');

use local_schooltool\local\connect\transfer;
use local_schooltool\local\words;

$home = new moodle_url('/local/schooltool/status.php');
// The menus know this page only as a part of that one.
navigation_node::override_active_url($home);
admin_externalpage_setup('local_schooltool_status');
require_capability('local/schooltool:manage', context_system::instance());
require_sesskey();

$hostid = required_param('hostid', PARAM_INT);
if (!$DB->record_exists('local_schooltool_peer', ['hostid' => $hostid])) {
    redirect($home);
}
transfer::begin($hostid);
core_php_time_limit::raise(transfer::LONGEST + 100);
raise_memory_limit(MEMORY_EXTRA);

echo $OUTPUT->header();
// It may take long, and must not keep the admin's other pages waiting.
\core\session\manager::write_close();
echo $OUTPUT->heading(get_string('sendall', 'local_schooltool'));
echo html_writer::tag('p', get_string('sendall_leave', 'local_schooltool'));
$bar = new progress_bar('local_schooltool_sending', 500, true);
$most = 1;
$status = transfer::watch($hostid, transfer::LONGEST, function (int $sent, int $waiting) use ($bar, &$most) {
    $most = max($most, $sent + $waiting);
    $bar->update($most - $waiting, $most, get_string('sendall_progress', 'local_schooltool', [
        'sent' => $sent, 'waiting' => $waiting,
    ]));
});
if ($status['waiting'] > 0) {
    $why = (string) $status['last_error'] === '' ? '' : ' ' . words::of([$status['last_error']]);
    echo $OUTPUT->notification(
        get_string('sendall_left', 'local_schooltool', $status['waiting']) . $why,
        \core\output\notification::NOTIFY_WARNING
    );
} else {
    echo $OUTPUT->notification(get_string('sendall_done', 'local_schooltool'), \core\output\notification::NOTIFY_SUCCESS);
}
echo $OUTPUT->continue_button($home);
echo $OUTPUT->footer();
