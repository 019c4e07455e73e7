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
 * How the sending goes: what waits, what went, what was refused; a test, and sending everything again.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/adminlib.php');

use local_schooltool\local\connect\target;
use local_schooltool\local\connect\transfer;
use local_schooltool\local\connect\remote;
use local_schooltool\local\words;
use local_schooltool\output\status_page;

admin_externalpage_setup('local_schooltool_status');
$context = context_system::instance();
require_capability('local/schooltool:viewstatus', $context);

$home = new moodle_url('/local/schooltool/status.php');
$hostid = optional_param('hostid', 0, PARAM_INT);
$action = optional_param('action', '', PARAM_ALPHA);
$maymanage = has_capability('local/schooltool:manage', $context);

if ($action !== '' && confirm_sesskey()) {
    require_capability('local/schooltool:manage', $context);
    $target = $DB->record_exists('local_schooltool_peer', ['hostid' => $hostid]) ? target::of_host($hostid) : null;
    if (!$target) {
        redirect($home);
    }
    if ($action === 'test') {
        list($answer, $problem) = remote::ask($target, 'schooltool/sis.php/server_info');
        if (is_array($answer) && isset($answer['name'])) {
            redirect($home, get_string('test_good', 'local_schooltool', [
                'name' => s($answer['name']), 'version' => s(isset($answer['version']) ? $answer['version'] : ''),
            ]), null, \core\output\notification::NOTIFY_SUCCESS);
        }
        redirect($home, $problem !== '' ? $problem : get_string('answer_strange', 'local_schooltool'), null,
            \core\output\notification::NOTIFY_ERROR);
    }
    if ($action === 'forget') {
        $DB->delete_records('local_schooltool_refused', ['hostid' => $hostid]);
        redirect($home, get_string('refused_forgotten', 'local_schooltool'));
    }
    if ($action === 'all') {
        transfer::begin($hostid);
        core_php_time_limit::raise(3700);
        raise_memory_limit(MEMORY_EXTRA);
        echo $OUTPUT->header();
        \core\session\manager::write_close();
        echo $OUTPUT->heading(get_string('sendall', 'local_schooltool'));
        echo html_writer::tag('p', get_string('sendall_leave', 'local_schooltool'));
        $bar = new progress_bar('local_schooltool_sending', 500, true);
        $most = 0;
        $status = transfer::watch($hostid, 3600, function ($sent, $waiting) use ($bar, &$most) {
            $most = max($most, $sent + $waiting, 1);
            $bar->update($most - $waiting, $most,
                get_string('sendall_progress', 'local_schooltool', ['sent' => $sent, 'waiting' => $waiting]));
        });
        if ($status['waiting'] > 0) {
            echo $OUTPUT->notification(get_string('sendall_left', 'local_schooltool', $status['waiting']) . ' '
                . ((string) $status['last_error'] === '' ? '' : words::of([$status['last_error']])), \core\output\notification::NOTIFY_WARNING);
        } else {
            echo $OUTPUT->notification(get_string('sendall_done', 'local_schooltool'),
                \core\output\notification::NOTIFY_SUCCESS);
        }
        echo $OUTPUT->continue_button($home);
        echo $OUTPUT->footer();
        exit;
    }
}

echo $OUTPUT->header();
echo $OUTPUT->heading(get_string('status', 'local_schooltool'));
$page = new status_page($maymanage);
echo $OUTPUT->render_from_template('local_schooltool/status', $page->export_for_template($OUTPUT));
echo $OUTPUT->footer();
