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
 * All steps in their order, and doing those that were chosen. The page and the command line use it alike.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class plan {
    /**
     * The steps, each after those that it needs.
     *
     * @return step[] by name
     */
    public static function steps(): array {
        $all = [new cipher(), new networking(), new key(), new application(), new peer(), new events(), new signon(),
            new courses(), new auth(), new roam(), new profile(), new shown(), new blocked(), new answer()];
        $steps = [];
        foreach ($all as $step) {
            $steps[$step->name()] = $step;
        }
        return $steps;
    }

    /**
     * Keeps which steps were left out, so that they are not chosen again by themselves.
     *
     * @param target $target
     * @param string[] $chosen
     */
    public static function keep_choice(target $target, array $chosen) {
        $leftout = array_filter(array_keys(self::steps()), function (string $name) use ($target, $chosen) {
            $step = self::steps()[$name];
            return !in_array($name, $chosen, true) && $step->may_be_left_out() && !$step->only_looks()
                && $step->state($target)->status === state::OPEN;
        });
        set_config('leftout_' . $target->hostid(), implode(',', $leftout), 'local_schooltool');
    }

    /**
     * The steps that were left out for a server.
     *
     * @param target $target
     * @return string[]
     */
    public static function left_out(target $target): array {
        return explode(',', (string) get_config('local_schooltool', 'leftout_' . $target->hostid()));
    }

    /**
     * The steps that are done unless somebody chooses others.
     *
     * @return string[]
     */
    public static function by_default(): array {
        return array_keys(array_filter(self::steps(), function (step $step) {
            return $step->chosen_by_default();
        }));
    }

    /**
     * The steps that the page has ticked for a server.
     *
     * @param target $target
     * @return string[]
     */
    public static function chosen(target $target): array {
        return array_values(array_diff(self::by_default(), self::left_out($target)));
    }

    /**
     * Does the chosen steps that are not done yet; those that the connection needs are always chosen.
     *
     * @param target $target
     * @param string[] $chosen
     * @return array[] name to ['ok' => bool, 'message' => string], of the steps that had to be done
     */
    public static function run(target $target, array $chosen): array {
        $results = [];
        foreach (self::steps() as $name => $step) {
            if ($step->only_looks() || ($step->may_be_left_out() && !in_array($name, $chosen, true))) {
                continue;
            }
            $state = $step->state($target);
            if ($state->status === state::DONE || $state->status === state::NOTE) {
                continue;
            }
            $results[$name] = ['ok' => false, 'message' => $state->detail];
            if ($state->status === state::OPEN) {
                try {
                    $step->apply($target);
                    $after = $step->state($target);
                    $results[$name] = ['ok' => $after->status === state::DONE, 'message' => $after->detail];
                } catch (\Throwable $problem) {
                    $results[$name]['message'] = s($problem->getMessage());
                }
            }
            if (!$results[$name]['ok'] && !$step->may_be_left_out()) {
                break;
            }
        }
        return $results;
    }

    /**
     * What "undo all" means: the steps of this server, and the shared ones when no other site is a peer.
     *
     * @param target $target
     * @return string[]
     */
    public static function own_of(target $target): array {
        global $CFG, $DB;
        $others = $DB->record_exists_select(
            'mnet_host',
            'deleted = 0 AND id <> ? AND id <> ? AND id <> ?',
            [$CFG->mnet_localhost_id, $CFG->mnet_all_hosts_id, $target->hostid()]
        );
        return array_keys(array_filter(self::steps(), function (step $step) use ($others) {
            return !$step->only_looks() && (!$others || $step->of_one_server());
        }));
    }

    /**
     * Undoes steps, the last first.
     *
     * What cannot be undone yet since another stands on it is asked again when that one is gone.
     *
     * @param target $target
     * @param string[] $names
     * @return string[] those that were undone
     */
    public static function undo(target $target, array $names): array {
        $undone = [];
        foreach ([1, 2] as $round) {
            foreach (array_reverse(self::steps()) as $name => $step) {
                if (in_array($name, $names, true) && !in_array($name, $undone, true) && $step->can_undo($target)) {
                    $step->undo($target);
                    $undone[] = $name;
                }
            }
        }
        return $undone;
    }
}
