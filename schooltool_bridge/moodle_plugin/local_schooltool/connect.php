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
 * Connect: from nothing to a connection with a SchoolTool on one page. Nothing is switched on without a click.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/adminlib.php');

use local_schooltool\form\look_form;
use local_schooltool\local\connect\address;
use local_schooltool\local\connect\look;
use local_schooltool\local\connect\plan;
use local_schooltool\local\connect\target;
use local_schooltool\output\connect_page;

$home = new moodle_url('/local/schooltool/connect.php');
// The menus know the page without its parameters.
navigation_node::override_active_url($home);
admin_externalpage_setup('local_schooltool_connect');
require_capability('moodle/site:config', context_system::instance());

$hostid = optional_param('hostid', 0, PARAM_INT);
$wwwroot = address::normalised(optional_param('wwwroot', '', PARAM_RAW_TRIMMED));
$action = optional_param('action', '', PARAM_ALPHA);
$undo = optional_param('undo', '', PARAM_ALPHA);

$target = $hostid ? target::of_host($hostid) : ($wwwroot !== '' && $action . $undo !== '' ? new target($wwwroot) : null);
if ($target) {
    $target->anytls = (bool) optional_param('anytls', 0, PARAM_BOOL);
    $here = $target->is_peer() ? new moodle_url($home, ['hostid' => $target->hostid()]) : $home;
}
$form = new look_form($home);

if ($target && $undo !== '' && confirm_sesskey()) {
    $names = $undo === 'all' ? plan::own_of($target) : [$undo];
    if (!optional_param('sure', 0, PARAM_BOOL)) {
        $yes = new moodle_url($home, ['wwwroot' => $target->wwwroot, 'undo' => $undo, 'sure' => 1, 'sesskey' => sesskey()]);
        $titles = [];
        foreach (plan::steps() as $name => $step) {
            if (in_array($name, $names) && !$step->only_looks() && $step->can_undo($target)) {
                $titles[] = $step->title();
            }
        }
        echo $OUTPUT->header();
        echo $OUTPUT->confirm(
            get_string('undo_sure', 'local_schooltool', s(implode('; ', $titles))),
            new single_button($yes, get_string('undo', 'local_schooltool'), 'post'),
            new single_button($here, get_string('cancel'), 'get')
        );
        echo $OUTPUT->footer();
        exit;
    }
    plan::undo($target, $names);
    $after = $target->is_peer() ? $here : $home;
    redirect($after, get_string('undo_done', 'local_schooltool'), null, \core\output\notification::NOTIFY_SUCCESS);
}

$problem = '';
if ($target && $action === 'connect' && confirm_sesskey()) {
    $compared = address::plain(optional_param('fingerprint', '', PARAM_ALPHANUMEXT));
    $chosen = array_keys(optional_param_array('steps', [], PARAM_BOOL));
    if (optional_param('chooseroles', 0, PARAM_BOOL)) {
        $target->roles = array_map('intval', array_keys(optional_param_array('roles', [], PARAM_BOOL)));
    }
    if ($compared !== '') {
        $problem = look::at($target);
        if ($problem === '' && !optional_param('same', 0, PARAM_BOOL)) {
            $problem = get_string('compare_first', 'local_schooltool');
        }
        $target->compared = $compared;
    }
    if ($problem === '') {
        $failed = false;
        foreach (plan::run($target, $chosen) as $name => $result) {
            if (!$result['ok']) {
                $failed = true;
                \core\notification::error(get_string('step_' . $name, 'local_schooltool') . ': ' . $result['message']);
            }
        }
        if ($target->is_peer()) {
            plan::keep_choice($target, $chosen);
        }
        if (!$failed) {
            \core\notification::success(get_string('connected', 'local_schooltool'));
        }
        // The menus of networking show the new peer only when they are built anew.
        admin_get_root(true, false);
        redirect($target->is_peer() ? new moodle_url($home, ['hostid' => $target->hostid()]) : $home);
    }
} else if ($target && $action === 'look' && confirm_sesskey()) {
    $problem = look::at($target);
} else if ($data = $form->get_data()) {
    $target = new target(address::normalised($data->wwwroot));
    $target->anytls = !empty($data->anytls);
    $problem = look::at($target);
    if ($problem !== '') {
        $target = null;
    }
}

$peers = $DB->get_records('local_schooltool_peer', [], 'id');
echo $OUTPUT->header();
// A page that asks the server must not keep the admin's other pages waiting.
\core\session\manager::write_close();
echo $OUTPUT->heading(get_string('connect', 'local_schooltool'));
if ($problem !== '') {
    echo $OUTPUT->notification($problem, \core\output\notification::NOTIFY_ERROR);
}
if (!$target && count($peers) === 1 && !optional_param('another', 0, PARAM_BOOL) && !$form->is_submitted()) {
    $target = target::of_host(reset($peers)->hostid);
}
$known = [];
foreach ($peers as $peer) {
    $known[] = [
        'name' => $peer->name,
        'url' => (new moodle_url($home, ['hostid' => $peer->hostid]))->out(false),
        'current' => $target && $target->hostid() === (int) $peer->hostid,
    ];
}
echo $OUTPUT->render_from_template('local_schooltool/servers', [
    'servers' => $known,
    'has' => (bool) $known,
    'another' => (new moodle_url($home, ['another' => 1]))->out(false),
]);
if ($target) {
    $page = new connect_page($target);
    echo $OUTPUT->render_from_template('local_schooltool/connect', $page->export_for_template($OUTPUT));
} else {
    echo html_writer::tag('p', get_string('connect_begin', 'local_schooltool'));
    $form->display();
}
echo $OUTPUT->footer();
