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
 * The plugin's words in English.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$string['about'] = '<p>What else it needs:</p><ul>
<li><a href="{$a->peers}">Networking &gt; Manage peers</a>: for each site, on its tab <em>Services</em>, publish and subscribe SSO (Identity Provider) and SSO (Service Provider); the same on the other side.</li>
<li><a href="{$a->roles}">Define roles</a>: the capability <em>Roam to a remote application</em> for those who may go over from here.</li>
<li><a href="{$a->fields}">Networking &gt; Profile fields</a>: what other sites are told of your users, and what is taken from there.</li>
<li><a href="{$a->access}">Networking &gt; SSO access control</a>: who of other sites may not come.</li>
</ul>';
$string['auth_mnetdescription'] = '<p>Users of the sites of your Moodle network come here, and yours go there, without signing in again.</p>';
$string['crontask'] = 'MNet: keep sessions alive across sites, forget visits that are over';
$string['pluginname'] = 'MNet authentication';
$string['privacy:metadata:mnet_session'] = 'Who visits which other site from here, or this one from there, as long as it lasts and a day longer.';
$string['privacy:metadata:mnet_session:confirm_timeout'] = 'Until when the other site may ask who came.';
$string['privacy:metadata:mnet_session:expires'] = 'When the session ends.';
$string['privacy:metadata:mnet_session:mnethostid'] = 'The other site.';
$string['privacy:metadata:mnet_session:session_id'] = 'The session on this site.';
$string['privacy:metadata:mnet_session:token'] = 'What proves the visit.';
$string['privacy:metadata:mnet_session:useragent'] = 'A hash that tells one browser from another.';
$string['privacy:metadata:mnet_session:userid'] = 'The user.';
$string['privacy:metadata:mnet_session:username'] = 'The user name at home.';
$string['privacy:metadata:sites'] = 'Sites of the Moodle network to which somebody goes over, or from which they come.';
$string['privacy:metadata:sites:courses'] = 'In which courses of this site somebody from there is.';
$string['privacy:metadata:sites:picture'] = 'The picture, where it is shared.';
$string['privacy:metadata:sites:profile'] = 'The fields of the profile that the admin shares with that site.';
$string['privacy:metadata:sites:useragent'] = 'A hash that tells one browser from another.';
$string['privacy:metadata:sites:username'] = 'The user name.';
$string['roamin'] = 'Users of these sites can come here';
$string['roamout'] = 'Your users can go to these sites';
$string['rpc_negotiation_timeout'] = 'Time to confirm (seconds)';
$string['rpc_negotiation_timeout_desc'] = 'How long the other site has to ask who came, once somebody has set out for it.';
$string['sso_idp_description'] = '<p>Publish it so that your users can go over to {$a} without signing in there; also subscribe to SSO (Service Provider) of {$a}.</p><p>Subscribe to it so that users of {$a} can come here without signing in; also publish SSO (Service Provider) to {$a}.</p>';
$string['sso_idp_name'] = 'SSO (Identity Provider)';
$string['sso_mnet_login_refused'] = 'The user {$a->user} from {$a->host} may not sign in here.';
$string['sso_sp_description'] = '<p>Publish it so that users of {$a} can come here without signing in; also subscribe to SSO (Identity Provider) of {$a}.</p><p>Subscribe to it so that your users can go over to {$a} without signing in there; also publish SSO (Identity Provider) to {$a}.</p>';
$string['sso_sp_name'] = 'SSO (Service Provider)';
