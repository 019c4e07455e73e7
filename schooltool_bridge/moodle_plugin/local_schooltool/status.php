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
 * How the sending goes: what waits, what went, what was refused; and a test.
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
        [$answer, $problem] = remote::ask($target, 'schooltool/sis.php/server_info');
        if (is_array($answer) && isset($answer['name'])) {
            transfer::try_now($hostid);
            redirect($home, get_string('test_good', 'local_schooltool', [
                'name' => s($answer['name']), 'version' => s(isset($answer['version']) ? $answer['version'] : ''),
            ]), null, \core\output\notification::NOTIFY_SUCCESS);
        }
        redirect(
            $home,
            $problem !== '' ? $problem : get_string('answer_strange', 'local_schooltool'),
            null,
            \core\output\notification::NOTIFY_ERROR
        );
    }
    if ($action === 'forget') {
        $DB->delete_records('local_schooltool_refused', ['hostid' => $hostid]);
        redirect($home, get_string('refused_forgotten', 'local_schooltool'));
    }
}

echo $OUTPUT->header();
echo $OUTPUT->heading(get_string('status', 'local_schooltool'));
$page = new status_page($maymanage);
echo $OUTPUT->render_from_template('local_schooltool/status', $page->export_for_template($OUTPUT));
echo $OUTPUT->footer();
