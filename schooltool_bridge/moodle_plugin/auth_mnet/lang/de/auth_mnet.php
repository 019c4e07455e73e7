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
 * The plugin's words in German.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$string['about'] = '<p>Was außerdem nötig ist:</p><ul>
<li><a href="{$a->peers}">Netzwerk &gt; Peers verwalten</a>: bei jeder Website auf der Seite <em>Dienste</em> SSO (Identity Provider) und SSO (Service Provider) veröffentlichen und abonnieren; ebenso auf der anderen Seite.</li>
<li><a href="{$a->roles}">Rollen verwalten</a>: das Recht <em>Zu einer entfernten Anwendung wechseln</em> (moodle/site:mnetlogintoremote) für alle, die von hier hinübergehen dürfen.</li>
<li><a href="{$a->fields}">Netzwerk &gt; Profilfelder</a>: was andere Websites über Ihre Nutzer/innen erfahren und was von dort übernommen wird.</li>
<li><a href="{$a->access}">Netzwerk &gt; SSO-Zugriffskontrolle</a>: wer von anderen Websites nicht kommen darf.</li>
</ul>';
$string['auth_mnetdescription'] = '<p>Nutzer/innen der Websites Ihres Moodle-Netzwerks kommen hierher und Ihre gehen dorthin, ohne sich nochmals anzumelden.</p>';
$string['crontask'] = 'MNet: Sitzungen über Websites hinweg erhalten, beendete Besuche vergessen';
$string['pluginname'] = 'MNet-Authentifizierung';
$string['privacy:metadata:mnet_session'] = 'Wer von hier welche andere Website besucht oder von dort diese, solange es dauert und einen Tag länger.';
$string['privacy:metadata:mnet_session:confirm_timeout'] = 'Bis wann die andere Website fragen darf, wer gekommen ist.';
$string['privacy:metadata:mnet_session:expires'] = 'Wann die Sitzung endet.';
$string['privacy:metadata:mnet_session:mnethostid'] = 'Die andere Website.';
$string['privacy:metadata:mnet_session:session_id'] = 'Die Sitzung auf dieser Website.';
$string['privacy:metadata:mnet_session:token'] = 'Was den Besuch beweist.';
$string['privacy:metadata:mnet_session:useragent'] = 'Eine Prüfsumme, die einen Browser vom anderen unterscheidet.';
$string['privacy:metadata:mnet_session:userid'] = 'Der/die Nutzer/in.';
$string['privacy:metadata:mnet_session:username'] = 'Der Anmeldename auf der eigenen Website.';
$string['privacy:metadata:sites'] = 'Websites des Moodle-Netzwerks, zu denen jemand hinübergeht oder von denen jemand kommt.';
$string['privacy:metadata:sites:courses'] = 'In welchen Kursen dieser Website jemand von dort ist.';
$string['privacy:metadata:sites:picture'] = 'Das Bild, wo es geteilt wird.';
$string['privacy:metadata:sites:profile'] = 'Die Profilfelder, die die Administration mit dieser Website teilt.';
$string['privacy:metadata:sites:useragent'] = 'Eine Prüfsumme, die einen Browser vom anderen unterscheidet.';
$string['privacy:metadata:sites:username'] = 'Der Anmeldename.';
$string['roamin'] = 'Nutzer/innen dieser Websites können hierher kommen';
$string['roamout'] = 'Ihre Nutzer/innen können zu diesen Websites gehen';
$string['rpc_negotiation_timeout'] = 'Zeit zum Bestätigen (Sekunden)';
$string['rpc_negotiation_timeout_desc'] = 'Wie lange die andere Website fragen darf, wer gekommen ist, nachdem sich jemand auf den Weg gemacht hat.';
$string['sso_idp_description'] = '<p>Veröffentlichen Sie diesen Dienst, damit Ihre Nutzer/innen ohne nochmalige Anmeldung zu {$a} gehen können; abonnieren Sie dazu SSO (Service Provider) von {$a}.</p><p>Abonnieren Sie ihn, damit Nutzer/innen von {$a} ohne Anmeldung hierher kommen können; veröffentlichen Sie dazu SSO (Service Provider) für {$a}.</p>';
$string['sso_idp_name'] = 'SSO (Identity Provider)';
$string['sso_mnet_login_refused'] = 'Der Nutzer/die Nutzerin {$a->user} von {$a->host} darf sich hier nicht anmelden.';
$string['sso_sp_description'] = '<p>Veröffentlichen Sie diesen Dienst, damit Nutzer/innen von {$a} ohne Anmeldung hierher kommen können; abonnieren Sie dazu SSO (Identity Provider) von {$a}.</p><p>Abonnieren Sie ihn, damit Ihre Nutzer/innen ohne nochmalige Anmeldung zu {$a} gehen können; veröffentlichen Sie dazu SSO (Identity Provider) für {$a}.</p>';
$string['sso_sp_name'] = 'SSO (Service Provider)';
