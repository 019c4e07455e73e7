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
 * One step of Connect: it says how it stands, does its work, and puts back what was before.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
abstract class step {
    /**
     * The step's name: that of its class, in addresses, in strings and on the command line.
     *
     * @return string
     */
    public function name(): string {
        $parts = explode('\\', static::class);
        return end($parts);
    }

    /**
     * What is shown as its title.
     *
     * @return string
     */
    public function title(): string {
        return get_string('step_' . $this->name(), 'local_schooltool');
    }

    /**
     * What it changes in this Moodle.
     *
     * @return string
     */
    public function changes(): string {
        return get_string('step_' . $this->name() . '_changes', 'local_schooltool');
    }

    /**
     * Whether it only looks: such a step has nothing to do, and nothing to undo.
     *
     * @return bool
     */
    public function only_looks(): bool {
        return false;
    }

    /**
     * Whether it belongs to one server; what does not is shared by all of them.
     *
     * @return bool
     */
    public function of_one_server(): bool {
        return false;
    }

    /**
     * Whether the connection does without it.
     *
     * @return bool
     */
    public function may_be_left_out(): bool {
        return true;
    }

    /**
     * Whether it is done unless somebody leaves it out; if not, somebody has to ask for it.
     *
     * @return bool
     */
    public function chosen_by_default(): bool {
        return true;
    }

    /**
     * How it stands. Changes nothing.
     *
     * @param target $target
     * @return state
     */
    abstract public function state(target $target): state;

    /**
     * Does it. Called only when its state is OPEN.
     *
     * @param target $target
     * @throws \moodle_exception when it cannot be done; its message is for the admin
     */
    public function apply(target $target) {
        throw new \coding_exception($this->name() . ' only looks');
    }

    /**
     * Whether Connect did it, so that it can put back what was before.
     *
     * @param target $target
     * @return bool
     */
    public function can_undo(target $target): bool {
        return $this->before($target) !== null;
    }

    /**
     * What has to be undone before this one can be.
     *
     * @param target $target
     * @return string its title; empty when it can be undone now, or when Connect did not do it
     */
    public function waits_for(target $target): string {
        return '';
    }

    /**
     * Puts back what was before Connect did it.
     *
     * @param target $target
     */
    public function undo(target $target) {
        $before = $this->before($target);
        if ($before !== null) {
            $this->restore($target, $before);
            $this->forget($target);
        }
    }

    /**
     * Puts this back.
     *
     * @param target $target
     * @param array $before as given to remember()
     */
    protected function restore(target $target, array $before) {
    }

    /**
     * Keeps what was before the first time; doing a step again must not hide it.
     *
     * @param target $target
     * @param array $before
     */
    protected function remember(target $target, array $before) {
        if ($this->before($target) === null) {
            set_config($this->key($target), json_encode($before), 'local_schooltool');
        }
    }

    /**
     * What was before Connect did this; null when it did not.
     *
     * @param target $target
     * @return array|null
     */
    protected function before(target $target) {
        $kept = get_config('local_schooltool', $this->key($target));
        $before = $kept === false ? null : json_decode($kept, true);
        return is_array($before) ? $before : null;
    }

    /**
     * Forgets what was before.
     *
     * @param target $target
     */
    protected function forget(target $target) {
        unset_config($this->key($target), 'local_schooltool');
    }

    /**
     * The name of the setting that keeps it.
     *
     * @param target $target
     * @return string
     */
    private function key(target $target): string {
        return 'before_' . $this->name() . ($this->of_one_server() ? '_' . $target->hostid() : '');
    }
}
