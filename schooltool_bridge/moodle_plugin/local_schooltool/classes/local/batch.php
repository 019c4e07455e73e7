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

namespace local_schooltool\local;

/**
 * The events that go to a server in one call, and what became of the notes that they are of.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class batch {
    /** @var int events that were taken */
    public $sent = 0;
    /** @var int events that were refused for good */
    public $refused = 0;

    /** @var \stdClass of local_schooltool_peer, with wwwroot */
    private $server;
    /** @var array[] each name, data with all, number of its group */
    private $events = [];
    /** @var \stdClass[] groups of notes */
    private $groups = [];
    /** @var int[] by the number of a group, how many of its events have no final answer */
    private $open = [];

    /**
     * A batch without events.
     *
     * @param \stdClass $server
     */
    public function __construct(\stdClass $server) {
        $this->server = $server;
    }

    /**
     * Add the events of a group of notes, as of now.
     *
     * @param \stdClass $group
     * @param read\page $page what it is read with
     * @return void
     */
    public function add(\stdClass $group, read\page $page): void {
        $number = count($this->groups);
        $this->groups[] = $group;
        try {
            $events = events::of($group, $page);
        } catch (\dml_exception $problem) {
            throw $problem;
        } catch (\Throwable $problem) {
            // What cannot be read keeps nothing else waiting.
            outbox::complain($problem);
            $this->refused++;
            $group->refusals[] = [$group->kind, 0, $problem->getMessage()];
            $events = [];
        }
        foreach ($events as $event) {
            [$name, $data, $seq] = $event;
            $data['timemodified'] = (int) ($data['timemodified'] ?? 0) ?: time();
            $data['seq'] = (int) $seq;
            $data['to'] = $this->server->wwwroot;
            $this->events[] = [$name, $data, $number];
        }
        $this->open[$number] = count($events);
    }

    /**
     * Send them, and put down what became of them.
     *
     * @param int $seconds for one call
     * @param int $connecting
     * @param float $until no call begins after it (microtime)
     * @param bool $issoon whether there was little time for it, so that a failure says less
     * @return bool false when the server is to be left alone for a while
     */
    public function send(int $seconds, int $connecting, float $until, bool $issoon): bool {
        $isgood = true;
        $todo = array_chunk(array_keys($this->events), sender::MANY);
        while ($isgood && $todo && microtime(true) < $until) {
            $keys = array_shift($todo);
            // What it does not like alone, it may like as a list of one: that tells why.
            $ismany = count($keys) > 1 || isset($this->events[$keys[0]][3]);
            $answer = $this->call($keys, $ismany, $seconds, $connecting);
            if ($answer->meaning === answer::WAIT) {
                $this->failed($answer->error, $issoon);
                $isgood = false;
            } else if ($answer->meaning === answer::SPLIT) {
                if (count($keys) === 1) {
                    $this->events[$keys[0]][3] = true;
                }
                $halves = array_chunk($keys, max(1, (int) ceil(count($keys) / 2)));
                $todo = array_merge($halves, $todo);
            } else {
                $isgood = $this->answered($keys, $answer->results, $issoon);
            }
        }
        $this->done();
        return $isgood;
    }

    /**
     * Make one call.
     *
     * @param int[] $keys of events
     * @param bool $ismany
     * @param int $seconds
     * @param int $connecting
     * @return answer
     */
    private function call(array $keys, bool $ismany, int $seconds, int $connecting): answer {
        if ($ismany) {
            $method = 'push_events';
            $param = array_map(function ($key) {
                return ['event' => $this->events[$key][0], 'data' => $this->events[$key][1]];
            }, $keys);
        } else {
            [$method, $param] = $this->events[$keys[0]];
        }
        $got = client::call((int) $this->server->hostid, $method, $param, $seconds, $connecting);
        return answer::of($got[0], $got[1], $got[2], count($keys), $ismany);
    }

    /**
     * Put down the results of a call.
     *
     * @param int[] $keys
     * @param array[] $results
     * @param bool $issoon
     * @return bool false when some are to come later
     */
    private function answered(array $keys, array $results, bool $issoon): bool {
        global $DB;
        $later = '';
        foreach ($keys as $n => $key) {
            [$name, , $number] = $this->events[$key];
            [$code, $reason] = $results[$n];
            if ($code === answer::LATER) {
                $later = "$code: $reason";
                continue;
            }
            $this->open[$number]--;
            if ($code === null) {
                $this->sent++;
            } else {
                $this->refused++;
                $this->groups[$number]->refusals[] = [$name, $code, $reason];
            }
        }
        if ($later !== '') {
            $this->failed($later, $issoon);
            return false;
        }
        $now = ['id' => $this->server->id, 'lastsuccess' => time(), 'lasterror' => '', 'failures' => 0, 'downuntil' => 0];
        $DB->update_record('local_schooltool_peer', (object) $now);
        $this->server->failures = 0;
        return true;
    }

    /**
     * Leave the server alone, each time longer.
     *
     * @param string $error
     * @param bool $issoon
     * @return void
     */
    private function failed(string $error, bool $issoon): void {
        global $DB;
        $isfirst = $issoon && !$this->server->failures;
        $this->server->failures += $isfirst ? 0 : 1;
        $wait = $isfirst ? rules::SOON_WAIT : rules::wait((int) $this->server->failures);
        $DB->update_record('local_schooltool_peer', (object) [
            'id' => $this->server->id,
            'lasterror' => $error,
            'failures' => $this->server->failures,
            'downuntil' => time() + $wait,
        ]);
    }

    /**
     * Take the notes out of the outbox of which everything has a final answer.
     *
     * @return void
     */
    private function done(): void {
        global $DB;
        $ids = [];
        $isclean = !$DB->record_exists('local_schooltool_refused', ['hostid' => $this->server->hostid]);
        $position = (int) $this->server->position;
        foreach ($this->groups as $number => $group) {
            if ($this->open[$number] > 0) {
                continue;
            }
            if (!$isclean || !empty($group->refusals)) {
                $this->remember($group);
            }
            $ids = array_merge($ids, notes::ids($group));
            $position = max($position, max(notes::ids($group)));
        }
        if ($ids) {
            $DB->delete_records_list(outbox::TABLE, 'id', $ids);
            $DB->set_field('local_schooltool_peer', 'position', $position, ['id' => $this->server->id]);
            $this->server->position = $position;
        }
    }

    /**
     * Keep what was refused of a thing, for the status page; and nothing of what was taken meanwhile.
     *
     * @param \stdClass $group
     * @return void
     */
    private function remember(\stdClass $group): void {
        global $DB;
        $thing = [
            'hostid' => $this->server->hostid,
            'kind' => $group->kind,
            'objectid' => $group->objectid,
            'relatedid' => $group->relatedid,
        ];
        $DB->delete_records('local_schooltool_refused', $thing);
        foreach ($group->refusals ?? [] as $refusal) {
            $row = (object) ($thing + [
                'outboxid' => max(notes::ids($group)),
                'event' => $refusal[0],
                'code' => $refusal[1],
                'reason' => text::clean($refusal[2]),
                'timecreated' => time(),
            ]);
            $DB->insert_record('local_schooltool_refused', $row, false);
        }
    }
}
