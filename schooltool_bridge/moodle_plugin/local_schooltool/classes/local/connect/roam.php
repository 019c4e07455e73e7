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
 * Gives the capability "Roam to a remote application via MNet" to the roles that the admin chose.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class roam extends step {
    /** @var string The capability. */
    const CAPABILITY = 'moodle/site:mnetlogintoremote';

    /**
     * The roles that can have it: it is asked for at the whole site, where only some roles are given.
     *
     * @return string[] number to name
     */
    public static function choices(): array {
        global $CFG;
        $possible = get_roles_for_contextlevels(CONTEXT_SYSTEM);
        $possible[] = $CFG->defaultuserroleid;
        $choices = [];
        foreach (role_fix_names(get_all_roles(), \context_system::instance()) as $role) {
            if (in_array($role->id, $possible) && $role->archetype !== 'guest') {
                $choices[(int) $role->id] = $role->localname;
            }
        }
        return $choices;
    }

    /**
     * The roles that have it now.
     *
     * @return int[]
     */
    public static function having(): array {
        return array_map('intval', array_keys(get_roles_with_capability(
            self::CAPABILITY,
            CAP_ALLOW,
            \context_system::instance()
        )));
    }

    /**
     * The roles that shall have it: those that were chosen; else those that have it, or all who sign in.
     *
     * @param target $target
     * @return int[]
     */
    public static function wanted(target $target): array {
        global $CFG;
        if ($target->roles !== null) {
            return $target->roles;
        }
        return self::having() ?: [(int) $CFG->defaultuserroleid];
    }

    /**
     * Each chosen role has to have it.
     *
     * @param target $target
     * @return state
     */
    public function state(target $target): state {
        if (!auth::is_installed()) {
            return new state(state::NOTE, get_string('auth_first', 'local_schooltool'));
        }
        $having = self::having();
        $missing = array_diff(self::wanted($target), $having);
        $names = function (array $ids) {
            return s(implode(', ', array_intersect_key(self::choices(), array_flip($ids))));
        };
        if ($missing) {
            return new state(state::OPEN, get_string('roam_missing', 'local_schooltool', $names($missing)));
        }
        return $having ? new state(state::DONE, get_string('roam_has', 'local_schooltool', $names($having)))
            : new state(state::NOTE, get_string('roam_none', 'local_schooltool'));
    }

    /**
     * Allows it to each chosen role.
     *
     * @param target $target
     */
    public function apply(target $target) {
        $given = array_values(array_diff(array_intersect(self::wanted($target), array_keys(self::choices())), self::having()));
        $earlier = $this->before($target);
        $this->forget($target);
        $this->remember($target, ['roles' => array_values(array_unique(array_merge($earlier ? $earlier['roles'] : [], $given)))]);
        foreach ($given as $roleid) {
            assign_capability(self::CAPABILITY, CAP_ALLOW, $roleid, \context_system::instance()->id, true);
        }
    }

    /**
     * Takes it from those whom Connect gave it.
     *
     * @param target $target
     * @param array $before
     */
    protected function restore(target $target, array $before) {
        foreach ($before['roles'] as $roleid) {
            unassign_capability(self::CAPABILITY, $roleid, \context_system::instance()->id);
        }
    }
}
