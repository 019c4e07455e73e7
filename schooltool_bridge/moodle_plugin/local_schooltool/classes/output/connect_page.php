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

namespace local_schooltool\output;

use local_schooltool\local\connect\address;
use local_schooltool\local\connect\key;
use local_schooltool\local\connect\plan;
use local_schooltool\local\connect\roam;
use local_schooltool\local\connect\state;
use local_schooltool\local\connect\target;

/**
 * What the page Connect shows about one server: each step, how it stands, and what can be done.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class connect_page implements \renderable, \templatable {
    /** @var target The server. */
    private $target;

    /**
     * Takes the server.
     *
     * @param target $target
     */
    public function __construct(target $target) {
        $this->target = $target;
    }

    /**
     * The template's values.
     *
     * @param \renderer_base $output
     * @return array
     */
    public function export_for_template(\renderer_base $output) {
        global $CFG;
        $target = $this->target;
        $steps = [];
        $todo = false;
        $comparing = false;
        $ready = false;
        $answered = false;
        $undoable = false;
        $chosen = plan::chosen($target);
        foreach (plan::steps() as $name => $step) {
            $state = $step->state($target);
            $todo = $todo || ($state->status === state::OPEN && (in_array($name, $chosen, true) || !$step->may_be_left_out()));
            $comparing = $comparing || ($name === 'peer' && $state->status === state::OPEN && $target->certificate !== '');
            $ready = $ready || ($name === 'events' && $state->status === state::DONE);
            $answered = $answered || ($name === 'answer' && $state->status === state::DONE);
            $undo = !$step->only_looks() && $step->can_undo($target);
            $undoable = $undoable || $undo;
            $roles = $name === 'roam' ? $this->roles() : [];
            $steps[] = [
                'name' => $name,
                'title' => $step->title(),
                'changes' => $step->changes(),
                'detail' => $state->detail,
                'lines' => $state->lines,
                'isdone' => $state->status === state::DONE,
                'istodo' => $state->status === state::OPEN,
                'isblocked' => $state->status === state::BLOCKED,
                'isnote' => $state->status === state::NOTE,
                'canchoose' => $state->status === state::OPEN && $step->may_be_left_out(),
                'chosen' => in_array($name, $chosen, true),
                'needed' => $state->status === state::OPEN && !$step->may_be_left_out(),
                'undo' => $undo,
                'waitsfor' => $step->only_looks() ? '' : $step->waits_for($target),
                'hasroles' => (bool) $roles,
                'roles' => $roles,
            ];
        }
        $hostid = $target->hostid();
        return [
            'action' => (new \moodle_url('/local/schooltool/connect.php'))->out(false),
            'sendurl' => (new \moodle_url('/local/schooltool/sendall.php'))->out(false),
            'sesskey' => sesskey(),
            'wwwroot' => $target->wwwroot,
            'hostid' => $target->is_peer() ? $hostid : 0,
            'anytls' => $target->anytls,
            'name' => $target->is_peer() ? $target->host()->name : ($target->sitename ?: $target->wwwroot),
            'fingerprint' => address::fingerprint($target->certificate),
            'fingerprintgrouped' => address::grouped(address::fingerprint($target->certificate)),
            'keyurl' => $target->wwwroot . '/admin/key',
            'addurl' => $target->wwwroot . '/admin/peers/add',
            'comparing' => $comparing,
            'todo' => $todo,
            'ready' => $ready,
            'answered' => $answered,
            'undoable' => $undoable,
            'ourwwwroot' => $CFG->wwwroot,
            'ourfingerprint' => address::grouped(address::fingerprint(key::certificate())),
            'steps' => $steps,
        ];
    }

    /**
     * The roles that can be chosen.
     *
     * @return array[]
     */
    private function roles(): array {
        $having = roam::having();
        $roles = [];
        foreach (roam::choices() as $id => $name) {
            $roles[] = [
                'id' => $id,
                'name' => $name,
                'has' => in_array($id, $having),
                'checked' => in_array($id, $having) || in_array($id, roam::wanted($this->target)),
            ];
        }
        return $roles;
    }
}
