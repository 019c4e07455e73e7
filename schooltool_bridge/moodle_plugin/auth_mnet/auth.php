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
 * Signing on between the sites of a Moodle network, for Moodle from 5.0 on, which has it no more.
 *
 * What other sites call stands here under the names that Moodle's own plugin had until 4.5, so that they need not know
 * the difference; what is done stands in classes/local.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

use auth_mnet\local\address;
use auth_mnet\local\alive;
use auth_mnet\local\courses;
use auth_mnet\local\going;
use auth_mnet\local\hosts;
use auth_mnet\local\landing;
use auth_mnet\local\leaving;
use auth_mnet\local\picture;
use auth_mnet\local\visits;

defined('MOODLE_INTERNAL') || die();

require_once($CFG->libdir . '/authlib.php');

/**
 * The authentication plugin "MNet".
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class auth_plugin_mnet extends auth_plugin_base {
    /**
     * Read the settings.
     */
    public function __construct() {
        $this->authtype = 'mnet';
        $this->config = get_config('auth_mnet');
    }

    // What other sites call, as the identity provider of one's own people (service sso_idp).

    /**
     * Tells who came to the calling site with a token, this once.
     *
     * @param string $token What the site was given by the browser
     * @param string $useragent SHA-1 of the browser's User-Agent
     * @return array The person's fields
     */
    public function user_authorise($token, $useragent) {
        return going::authorise($token, $useragent);
    }

    /**
     * Lets the sessions of people of this site go on, who are at the calling site.
     *
     * @param array $array Their user names
     * @return array Code (0 well, 1 somebody was not found), message, last log id
     */
    public function keepalive_server($array) {
        $caller = hosts::caller();
        $names = address::names($array);
        $lost = alive::prolong($names, $caller->id);
        $isnobody = $names && count($lost) === count($names);
        return [
            'code' => $isnobody ? 1 : 0,
            'message' => $isnobody ? "No session of these is known here:\n" . implode("\n", $lost) : 'All ok',
            'last log id' => (int) $caller->last_log_id,
        ];
    }

    /**
     * Ends the sessions of somebody of this site, here and elsewhere, since they signed out at the calling site.
     *
     * @param string $username Their user name
     * @param string $useragent SHA-1 of the browser's User-Agent
     * @return string What was done
     */
    public function kill_children($username, $useragent) {
        // Nobody but another site may call this; signing out here goes by prelogout_hook().
        return leaving::end_visits($username, $useragent, hosts::caller()->id);
    }

    /**
     * Takes log entries and keeps none, as Moodle since 2.8.
     *
     * @param array $array The entries
     * @return array Code and message
     */
    public function refresh_log($array) {
        return ['code' => 0, 'message' => 'All ok'];
    }

    /**
     * Gives the picture of somebody of this site who has been at the calling one.
     *
     * @param string $username Their user name
     * @return array The sizes f1 and f2 in base64 and what type they have; false when nobody is known
     */
    public function fetch_user_image($username) {
        return picture::given($username, hosts::caller());
    }

    /**
     * Tells which theme this site has.
     *
     * @return array The theme's name and the address of its logo
     */
    public function fetch_theme_info() {
        global $CFG;
        return [
            'themename' => (string) $CFG->theme,
            'logourl' => $CFG->wwwroot . '/theme/' . $CFG->theme . '/images/logo.jpg',
        ];
    }

    /**
     * Takes in which courses of the calling site somebody of this one is.
     *
     * @param string $username Their user name
     * @param array $courses The courses
     * @return boolean Whether the person is known
     */
    public function update_enrolments($username, $courses) {
        return courses::take_in($username, $courses, hosts::caller());
    }

    // What other sites call, as the service provider of their people (service sso_sp).

    /**
     * Tells the calling site which of its people are here.
     *
     * @return boolean Always true
     */
    public function keepalive_client() {
        alive::tell(hosts::caller()->id);
        return true;
    }

    /**
     * Ends the visit of somebody of the calling site, since they signed out there.
     *
     * @param string $username Their user name
     * @param string $useragent SHA-1 of the browser's User-Agent
     * @return boolean Whether there was one
     */
    public function kill_child($username, $useragent) {
        return leaving::end_visit($username, $useragent, hosts::caller()->id);
    }

    // What the pages of this plugin and other code of Moodle call.

    /**
     * Lets the person who is signed in go over to another site.
     *
     * @param int $mnethostid where to
     * @param string $wantsurl the page that is wanted there
     * @param bool $wantsurlbackhere whether it is a page of this site, to which the other leads back
     * @return string the address to which the browser is to be sent
     */
    public function start_jump_session($mnethostid, $wantsurl, $wantsurlbackhere = false) {
        return going::start($mnethostid, $wantsurl, $wantsurlbackhere);
    }

    /**
     * Finds out who came with a token, and makes or renews their account here.
     *
     * @param string $token
     * @param mnet_peer|null $remotepeer the site that sent them
     * @return stdClass the account
     */
    public function confirm_mnet_session($token, $remotepeer) {
        return landing::confirm($token, $remotepeer);
    }

    /**
     * Notes the session of somebody who came from another site and has been signed in.
     *
     * @param stdClass $user their account here
     * @param string $token what they came with; used up by now
     * @param mnet_peer $remotepeer the site that sent them
     */
    public function update_mnet_session($user, $token, $remotepeer) {
        visits::arrive($user, $remotepeer->id, address::agent_hash($_SERVER));
    }

    /**
     * Whether people may go over to a site.
     *
     * @param int $mnethostid the site
     * @param string $servicename sso_sp, or another service that is subscribed there
     * @return bool
     */
    public function has_service($mnethostid, $servicename) {
        return isset(hosts::ticked($servicename, 'subscribe')[$mnethostid]);
    }

    /**
     * Whether the list of who may come lets somebody in.
     *
     * @param string $username their name over there
     * @param int $mnethostid their site
     * @return bool
     */
    public function can_login_remotely($username, $mnethostid) {
        return landing::may_come($username, $mnethostid);
    }

    /**
     * Ends sessions, as when a site is deleted.
     *
     * @param stdClass[] $sessions rows of mnet_session
     * @return bool
     */
    public function end_local_sessions(&$sessions) {
        if (!is_array($sessions)) {
            return false;
        }
        leaving::end_sessions($sessions);
        $sessions = [];
        return true;
    }

    // What Moodle asks of every authentication plugin.

    /**
     * Nobody signs in with a password of another site.
     *
     * @param string $username
     * @param string $password
     * @return bool
     */
    public function user_login($username, $password) {
        return false;
    }

    /**
     * Passwords are at home.
     *
     * @return bool
     */
    public function prevent_local_passwords() {
        return true;
    }

    /**
     * Accounts are not from here.
     *
     * @return bool
     */
    public function is_internal() {
        return false;
    }

    /**
     * A password is changed at home.
     *
     * @return bool
     */
    public function can_change_password() {
        return false;
    }

    /**
     * Ends what the person who signs out has elsewhere.
     */
    public function prelogout_hook() {
        global $USER;
        // An admin who is signed in as somebody else ends nothing of theirs.
        if (!isloggedin() || isguestuser() || \core\session\manager::is_loggedinas()) {
            return;
        }
        $agent = address::agent_hash($_SERVER);
        if (is_mnet_remote_user($USER)) {
            leaving::tell_home($USER, $agent);
        } else {
            leaving::end_visits($USER->username, $agent, null);
        }
    }

    /**
     * Leads somebody of another site home when they sign out.
     */
    public function logoutpage_hook() {
        global $USER, $redirect;
        $home = is_mnet_remote_user($USER) ? hosts::by_id($USER->mnethostid) : null;
        if ($home !== null) {
            $redirect = $home->wwwroot . '/';
        }
    }

    /**
     * The sites from which people can come, for the page where one signs in.
     *
     * @param string|moodle_url $wantsurl the page that is wanted here
     * @return array[] url, icon, name
     */
    public function loginpage_idp_list($wantsurl) {
        global $CFG;
        $path = address::path(str_replace($CFG->wwwroot, '', (string) $wantsurl));
        $ways = [];
        foreach (hosts::providers() as $host) {
            // At a Mahara one can begin only from within.
            if ($host->application !== 'mahara') {
                $query = ['hostwwwroot' => $CFG->wwwroot, 'wantsurl' => $path, 'remoteurl' => 1];
                $ways[] = [
                    'url' => new moodle_url($host->wwwroot . $host->sso_jump_url, $query),
                    'icon' => new pix_icon($host->application === 'moodle' ? 'i/moodle_host' : 'i/mnethost', $host->name),
                    'name' => $host->name,
                ];
            }
        }
        return $ways;
    }

    /**
     * Shows an admin who can come from where and go where.
     */
    public function test_settings() {
        global $CFG, $OUTPUT;
        if (empty($CFG->mnet_dispatcher_mode) || $CFG->mnet_dispatcher_mode === 'off') {
            echo $OUTPUT->notification(get_string('mnetdisabled', 'mnet'), 'notifyproblem');
            return;
        }
        $lists = ['roamin' => hosts::providers(), 'roamout' => hosts::destinations()];
        foreach ($lists as $which => $sites) {
            echo html_writer::tag('h3', get_string($which, 'auth_mnet'));
            $items = array_map(function ($site) {
                return s($site->name) . ' (' . s($site->wwwroot) . ')';
            }, $sites);
            echo $items ? html_writer::alist($items) : html_writer::tag('p', get_string('none'));
        }
    }
}
