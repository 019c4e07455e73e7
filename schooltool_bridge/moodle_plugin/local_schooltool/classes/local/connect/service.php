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
 * Ticks Publish and Subscribe of services for the server, as its Services tab in Moodle does.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
abstract class service extends step {
    /**
     * The services' names on the wire.
     *
     * @return string[]
     */
    abstract protected function services(): array;

    /**
     * What to say when this Moodle does not know them.
     *
     * @return string
     */
    abstract protected function unknown(): string;

    /**
     * Whether a Moodle that lacks it is none the worse.
     *
     * @return bool
     */
    protected function may_be_missing(): bool {
        return false;
    }

    /**
     * It is about one server.
     *
     * @return bool
     */
    public function of_one_server(): bool {
        return true;
    }

    /**
     * Both boxes of each have to be ticked.
     *
     * @param target $target
     * @return state
     */
    public function state(target $target): state {
        $ids = $this->ids();
        if (count($ids) < count($this->services())) {
            return new state($this->may_be_missing() ? state::NOTE : state::BLOCKED, $this->unknown());
        }
        $missing = [];
        foreach ($ids as $name => $id) {
            $ticks = $this->ticks($target, $id);
            if (!$ticks['publish'] || !$ticks['subscribe']) {
                $missing[] = $name;
            }
        }
        return $missing
            ? new state(state::OPEN, get_string('service_missing', 'local_schooltool', implode(', ', $missing)))
            : new state(state::DONE, get_string('service_ticked', 'local_schooltool', implode(', ', array_keys($ids))));
    }

    /**
     * Ticks both boxes of each.
     *
     * @param target $target
     */
    public function apply(target $target) {
        if (!$target->is_peer()) {
            throw new \moodle_exception('peer_first', 'local_schooltool');
        }
        $before = [];
        foreach ($this->ids() as $name => $id) {
            $before[$name] = $this->ticks($target, $id);
        }
        $this->remember($target, $before);
        foreach ($this->ids() as $id) {
            self::tick($target, $id, ['publish' => 1, 'subscribe' => 1]);
        }
    }

    /**
     * Ticks what was ticked before.
     *
     * @param target $target
     * @param array $before
     */
    protected function restore(target $target, array $before) {
        foreach ($this->ids() as $name => $id) {
            if (isset($before[$name])) {
                self::tick($target, $id, $before[$name]);
            }
        }
    }

    /**
     * The services that this Moodle knows, with their numbers.
     *
     * @return int[] name to number
     */
    private function ids(): array {
        global $DB;
        $ids = [];
        foreach ($this->services() as $name) {
            $id = $DB->get_field('mnet_service', 'id', ['name' => $name, 'offer' => 1], IGNORE_MULTIPLE);
            // What an earlier plugin left behind has a name, but no method that is still switched on.
            if (
                $id && $DB->record_exists_sql('SELECT 1 FROM {mnet_service2rpc} s JOIN {mnet_rpc} r ON r.id = s.rpcid
                    WHERE s.serviceid = ? AND r.enabled = 1', [$id]) && $this->is_there($name)
            ) {
                $ids[$name] = (int) $id;
            }
        }
        return $ids;
    }

    /**
     * Whether the files are there that a service is answered by.
     *
     * @param string $name
     * @return bool
     */
    protected function is_there(string $name): bool {
        return true;
    }

    /**
     * What is ticked for this server; what is ticked for all hosts does not count, since it may go.
     *
     * @param target $target
     * @param int $serviceid
     * @return array
     */
    private function ticks(target $target, int $serviceid): array {
        global $DB;
        $row = $DB->get_record('mnet_host2service', ['hostid' => $target->hostid(), 'serviceid' => $serviceid]);
        return ['publish' => $row ? (int) $row->publish : 0, 'subscribe' => $row ? (int) $row->subscribe : 0];
    }

    /**
     * Writes both boxes of one service, as admin/mnet/services.php does.
     *
     * @param target $target
     * @param int $serviceid
     * @param array $ticks
     */
    private static function tick(target $target, int $serviceid, array $ticks) {
        global $DB;
        $which = ['hostid' => $target->hostid(), 'serviceid' => $serviceid];
        $row = $DB->get_record('mnet_host2service', $which);
        if (!$ticks['publish'] && !$ticks['subscribe']) {
            $DB->delete_records('mnet_host2service', $which);
        } else if ($row) {
            $DB->update_record('mnet_host2service', (object) (['id' => $row->id] + $ticks));
        } else {
            $DB->insert_record('mnet_host2service', (object) ($which + $ticks));
        }
    }
}
